/**
 * Server-sent events (HTML, 9.2): writing them, and reading them from a stream that was fetched, as an EventSource cannot
 * carry a token.
 * @module
 */

export interface ServerEvent {
  name: string;
  /** JSON. */
  data: string;
}

export const EVENT_STREAM = "text/event-stream";

export function encodeEvent(name: string, data: unknown): string {
  // JSON has no line breaks of its own.
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}

/** Takes the text as it comes, in whatever pieces. Fields other than `event` and `data` are passed over. */
export class EventReader {
  #rest = "";

  /** The events that this piece completes. */
  push(text: string): ServerEvent[] {
    const blocks = (this.#rest + text).split("\n\n");
    this.#rest = blocks.pop() ?? "";
    return blocks.flatMap((block) => {
      const lines = block.split("\n");
      const of = (field: string): string[] =>
        lines
          .filter((line) => line.startsWith(`${field}:`))
          .map((line) => line.slice(field.length + 1).trim());
      const data = of("data");
      return data.length > 0 ? [{ name: of("event").at(-1) ?? "message", data: data.join("\n") }] : [];
    });
  }
}
