// Builds the dashboard into the directory named on the command line.
//   node build.mjs OUTPUT
import { createHash } from "node:crypto";
import { mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const output = process.argv[2] ?? "dist";
const firstLoadLimit = 150 * 1024;

const result = await build({
  entryPoints: { app: "src/main.tsx", theme: "src/theme.ts", style: "src/style.css" },
  bundle: true,
  minify: true,
  format: "esm",
  target: ["chrome100", "firefox100", "safari15"],
  jsx: "automatic",
  jsxImportSource: "preact",
  entryNames: "[name].[hash]",
  chunkNames: "[name].[hash]",
  // What is loaded only when needed (opening a name) is a file of its own.
  splitting: true,
  metafile: true,
  outdir: output,
  write: false,
  legalComments: "none",
  logLevel: "warning",
});

const files = new Map(result.outputFiles.map((f) => [f.path.split("/").pop(), Buffer.from(f.contents)]));
const named = (start, end) => [...files.keys()].find((n) => n.startsWith(start) && n.endsWith(end));
const icon = await readFile("src/icon.svg");
const iconName = `icon.${createHash("sha256").update(icon).digest("hex").slice(0, 8).toUpperCase()}.svg`;
files.set(iconName, icon);
const html = (await readFile("src/index.html", "utf8"))
  .replace("{{style}}", named("style.", ".css"))
  .replace("{{theme}}", named("theme.", ".js"))
  .replace("{{app}}", named("app.", ".js"))
  .replace("{{icon}}", iconName);
files.set("index.html", Buffer.from(html));

await mkdir(output, { recursive: true });
for (const old of await readdir(output)) await rm(join(output, old), { recursive: true });
const laterNames = new Set(Object.values(result.metafile.outputs).flatMap((made) => made.imports)
  .filter((part) => part.kind === "dynamic-import").map((part) => part.path.split("/").pop()));
let firstLoad = 0;
for (const [name, bytes] of files) {
  const packed = gzipSync(bytes, { level: 9 });
  if (!laterNames.has(name)) firstLoad += packed.length;
  else console.log(`dashboard: ${name}, when needed, ${(packed.length / 1024).toFixed(1)} KB gzipped`);
  await writeFile(join(output, name), bytes);
  await writeFile(join(output, `${name}.gz`), packed);
}
console.log(`dashboard: first load ${(firstLoad / 1024).toFixed(1)} KB gzipped`);
if (firstLoad > firstLoadLimit) {
  console.error(`dashboard: first load: ${firstLoad} bytes gzipped, more than ${firstLoadLimit}: make it smaller`);
  process.exit(1);
}
