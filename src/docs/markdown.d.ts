/** What `import text from "x.md" with { type: "text" }` gives. */
declare module "*.md" {
  const text: string;
  export default text;
}
