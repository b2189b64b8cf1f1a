// SPDX-License-Identifier: AGPL-3.0-or-later

// Builds assets/dist from assets/src: one style sheet, the script bundles, the icon sprite and the fonts,
// under names that hold a hash of their content, with .br and .gz beside all text, and manifest.json from
// plain to hashed names. `--watch` builds again whenever a source changes.

import { createHash } from "node:crypto";
import { existsSync, watch } from "node:fs";
import { mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { basename, dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import * as esbuild from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const src = join(here, "src");
const dist = join(here, "dist");
const modules = join(here, "..", "node_modules");
const target = ["chrome123", "firefox121", "safari17.5"]; // the first with light-dark() and nesting

// What a first visit may weigh, in bytes after gzip (portal design, P21). Growing past one fails the build.
const budgets = { "portal.css": 12_000, "portal.js": 4_000, "icons.svg": 5_000, "htmx.js": 14_000, "figtree-latin.woff2": 21_000, "meet.js": 60_000 };

const manifest = {};

async function put(plain, content) {
  const bytes = Buffer.from(content);
  const hash = createHash("sha256").update(bytes).digest("hex").slice(0, 10);
  const ext = extname(plain);
  const name = `${basename(plain, ext)}.${hash}${ext}`;
  manifest[plain] = name;
  await write(name, bytes);
  return name;
}

async function write(name, bytes) {
  await writeFile(join(dist, name), bytes);
  if (!/\.(css|js|svg|json|txt)$/.test(name)) return;
  const brotli = { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } };
  await writeFile(join(dist, `${name}.br`), brotliCompressSync(bytes, brotli));
  await writeFile(join(dist, `${name}.gz`), gzipSync(bytes, { level: 9 }));
}

// The pieces of lucide's icons that are listed in icons.json, as symbols of one drawing. Stroke and colour
// come from the style sheet of the page.
async function sprite() {
  const names = JSON.parse(await readFile(join(src, "icons", "icons.json"), "utf8"));
  const symbols = [];
  for (const name of [...new Set(names)].sort()) {
    const icon = await readFile(join(modules, "lucide-static", "icons", `${name}.svg`), "utf8");
    const body = icon.slice(icon.indexOf(">", icon.indexOf("<svg")) + 1, icon.lastIndexOf("</svg>"));
    symbols.push(`<symbol id="${name}" viewBox="0 0 24 24">${body.replace(/\s*\n\s*/g, "").replace(/ \/>/g, "/>")}</symbol>`);
  }
  return `<!-- Lucide (ISC License), https://lucide.dev --><svg xmlns="http://www.w3.org/2000/svg">${symbols.join("")}</svg>\n`;
}

async function fonts() {
  const dir = join(modules, "@fontsource-variable", "figtree");
  for (const subset of ["latin", "latin-ext"]) {
    await put(`figtree-${subset}.woff2`, await readFile(join(dir, "files", `figtree-${subset}-wght-normal.woff2`)));
  }
  await put("figtree-license.txt", await readFile(join(dir, "LICENSE")));
}

async function styles(entry, plain) {
  const hashedFonts = {
    name: "hashed-fonts",
    setup(build) {
      build.onResolve({ filter: /\.woff2$/ }, (args) => {
        const name = manifest[basename(args.path)];
        if (!name) return { errors: [{ text: `no such font: ${args.path}` }] };
        return { path: `./${name}`, external: true };
      });
    },
  };
  const out = await esbuild.build({
    entryPoints: [entry], bundle: true, minify: true, write: false, target, legalComments: "none", plugins: [hashedFonts], logLevel: "warning",
  });
  await put(plain, out.outputFiles[0].contents);
}

// One bundle per kind of page. They share no chunk, so that a page asks for one file; what a bundle imports with import() is a file
// of its own, loaded when needed.
async function script(plain, entry) {
  const out = await esbuild.build({
    entryPoints: { [plain]: entry }, outdir: dist, bundle: true, minify: true, write: false, format: "esm", splitting: true, target,
    entryNames: "[name].[hash]", chunkNames: `${plain}-[name].[hash]`, metafile: true, legalComments: "none", logLevel: "warning",
    define: { "process.env.NODE_ENV": '"production"' },
  });
  for (const file of out.outputFiles) await write(basename(file.path), Buffer.from(file.contents));
  for (const [file, info] of Object.entries(out.metafile.outputs)) {
    if (info.entryPoint && basename(file).startsWith(`${plain}.`)) manifest[`${plain}.js`] = basename(file);
  }
}

async function scripts() {
  await script("portal", join(src, "portal", "main.ts"));
  await script("join", join(src, "join", "main.ts"));
  await script("meet", join(src, "meet", "main.ts"));
  const htmx = await readFile(join(modules, "htmx.org", "dist", "htmx.min.js"), "utf8");
  await put("htmx.js", htmx.replace(/\n?\/\/# sourceMappingURL=.*\s*$/, "\n"));
}

async function build() {
  const began = Date.now();
  await mkdir(dist, { recursive: true });
  for (const name of await readdir(dist)) {
    if (name !== ".gitkeep") await rm(join(dist, name), { recursive: true });
  }
  for (const key of Object.keys(manifest)) delete manifest[key];
  await fonts();
  await put("icons.svg", await sprite());
  await put("favicon.svg", await readFile(join(src, "icons", "favicon.svg")));
  await styles(join(src, "css", "portal.css"), "portal.css");
  await styles(join(src, "meet", "meet.css"), "meet.css");
  await scripts();
  const sorted = Object.fromEntries(Object.entries(manifest).sort(([a], [b]) => (a < b ? -1 : 1)));
  await writeFile(join(dist, "manifest.json"), `${JSON.stringify(sorted, null, 2)}\n`);
  await report(Date.now() - began);
}

async function report(took) {
  const lines = [];
  const heavy = [];
  for (const [plain, name] of Object.entries(manifest)) {
    const raw = (await readFile(join(dist, name))).length;
    const packed = existsSync(join(dist, `${name}.gz`)) ? (await readFile(join(dist, `${name}.gz`))).length : raw;
    if (packed > (budgets[plain] ?? Infinity)) heavy.push(`${plain} has ${packed} bytes, more than ${budgets[plain]}`);
    lines.push(`  ${plain.padEnd(24)} ${String(raw).padStart(8)} B ${String(packed).padStart(8)} B gz`);
  }
  console.log(`${lines.join("\n")}\nassets/dist built in ${took} ms`);
  if (heavy.length > 0) throw new Error(heavy.join("; "));
}

await build();
if (process.argv.includes("--watch")) {
  let timer;
  watch(src, { recursive: true }, () => {
    clearTimeout(timer);
    timer = setTimeout(() => build().catch((err) => console.error(err.message)), 100);
  });
}
