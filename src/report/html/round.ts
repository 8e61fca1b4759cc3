/** Three digits say all that a curve can show. @module */
export const digits = (value: number): number => Number(value.toPrecision(3));
