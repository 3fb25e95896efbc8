// Turns docs/fields.md, the list of all that can leave a device, into a module:
//   node fields.mjs docs/fields.md OUTPUT.ts
import { readFile, writeFile } from "node:fs/promises";

const [page, output] = process.argv.slice(2);
const sections = [];
for (const line of (await readFile(page, "utf8")).split("\n")) {
  const title = /^## (.*)/.exec(line);
  if (title) sections.push({ title: title[1], fields: [] });
  const row = /^\| `([A-Za-z0-9_.]+)` \| (.*) \| (.*) \| (.*) \|$/.exec(line);
  if (row) sections.at(-1).fields.push({ field: row[1], what: row[2], kept: row[3], seen: row[4] });
}
const filled = sections.filter((section) => section.fields.length > 0);
if (filled.length === 0) {
  console.error(`${page}: no table of fields: each row is | \`Message.field\` | what | kept | who |`);
  process.exit(1);
}
await writeFile(output, `// Made by fields.mjs.
export interface Field { field: string; what: string; kept: string; seen: string }
export const sections: { title: string; fields: Field[] }[] = ${JSON.stringify(filled)};
`);
