/**
 * The architecture as a check: who may import whom, where the runtime may be touched, how long a
 * file may be, which names say nothing. Part of `deno task lint`; each breach names file, line and
 * edge.
 */
import { type ImportEdge, readSource } from "./check_layers_source.ts";
import { projectFiles } from "./project_files.ts";
import { complain, say } from "./say.ts";

/** A breach of a rule. */
interface Breach {
  /** The file, from the project's root. */
  file: string;
  /** The line, from 1. */
  line: number;
  message: string;
}

/** What every room may import. */
const FOR_ALL = ["errors", "events", "docker_response"];

/** The table of the architecture: a room may import itself, what stands here, and {@linkcode FOR_ALL}. */
export const LAYERS: Record<string, readonly string[]> = {
  docker_response: [],
  errors: [],
  events: [],
  runtime: [],
  content: ["runtime"],
  reference: ["content"],
  manifest: ["content"],
  transport: ["content", "runtime"],
  auth: ["transport", "reference", "content", "runtime"],
  endpoints: ["transport", "reference", "manifest", "content"],
  registry_client_v2: ["endpoints", "auth", "transport", "reference", "manifest", "content"],
  registry_store: ["registry_client_v2", "endpoints", "reference", "manifest", "content"],
  oci_fetch: ["registry_store", "registry_client_v2", "reference", "manifest", "content"],
  stores: ["manifest", "reference", "content", "runtime"],
  copy: ["manifest", "reference", "content"],
  artifact: ["manifest", "reference", "content", "runtime"],
  server: ["stores", "manifest", "reference", "content", "runtime"],
  testing: ["server", "manifest", "reference", "content", "runtime"],
  integrations: [
    ...["artifact", "copy", "stores", "registry_store", "registry_client_v2", "endpoints"],
    ...["auth", "transport", "manifest", "reference", "content", "runtime"],
  ],
  // They re-export: the client, the store, the endpoints, old names, and the types of all these.
  mod: [
    ...[
      "integrations",
      "registry_store",
      "registry_client_v2",
      "endpoints",
      "auth",
      "transport",
      "manifest",
    ],
    ...["reference", "content"],
  ],
};

/** Files at the root that only re-export: one room, which nothing inside the package imports. */
const RE_EXPORTS = ["mod.ts", "endpoints.ts"];

/** Rooms outside the package: they see it as its users do. Each may import those named, by file. */
const OUTSIDE: Record<string, readonly string[]> = {
  cli: [],
  examples: [],
  scripts: [],
  tests: ["scripts"],
  bench: ["scripts", "tests"],
};

/** The name under which the package imports itself where a user would. */
const PACKAGE = "@davit/registry-client";

/** How tasks and examples end: no part of what an example shows, or of the package. */
const ENDING = "scripts/run_program.ts";

/** Names that say nothing about what is inside, for rooms, folders and files. */
const EMPTY_NAMES = ["utils", "util", "common", "core", "lib", "helpers", "helper"];

/** A name that users of the old package import. */
const NAMED_BEFORE = "integrations/docker_registry_client/common.ts";

/** The stores' contract registers tests in the rooms that call it: a test in all but its name. */
const TEST_SUITE = /^(content\/test_content_store|server\/backends\/test_registry_backend\w*)\.ts$/;

/** A file past this needs to be split: nine in ten of the best-kept codebases stay under 350. */
const MAX_CODE_LINES = 500;

function isTest(file: string): boolean {
  return file.endsWith("_test.ts") || TEST_SUITE.test(file);
}

/**
 * The room of a file: its top folder, or its own name at the root. The client's options and the
 * channel it composes are files of their own there, and of the client's room.
 */
function roomOf(file: string): string {
  const slash = file.indexOf("/");
  if (slash >= 0) return file.slice(0, slash);
  if (RE_EXPORTS.includes(file)) return "mod";
  const name = file.replace(/(?:_test)?\.ts$/, "");
  return /^registry_(?:client|channel)/.test(name) ? "registry_client_v2" : name;
}

/** The file that a relative specifier names, from the project's root. */
function targetOf(file: string, specifier: string): string | undefined {
  if (!/^\.{1,2}\//.test(specifier)) return undefined;
  const parts = file.split("/").slice(0, -1);
  for (const part of specifier.split("/")) {
    if (part === "..") {
      if (parts.length === 0) return `../${specifier.split("/").pop()}`;
      parts.pop();
    } else if (part !== ".") parts.push(part);
  }
  return parts.join("/");
}

/** Why a file may not import another one; `undefined` when it may. */
function edgeBreach(
  file: string,
  target: string,
  exports: ReadonlySet<string>,
): string | undefined {
  const from = roomOf(file);
  const to = roomOf(target);
  if (target.startsWith("../")) return "is outside the project";
  // The version stands there: the command says it without loading the package.
  if (from === "cli" && target === "deno.json") return undefined;
  if (target === ENDING && (from === "examples" || file === "testing/main.ts")) return undefined;
  const isMod = RE_EXPORTS.includes(target) || target.endsWith("/mod.ts");
  const outside = OUTSIDE[from];
  if (outside !== undefined) {
    if (from === to || outside.includes(to) || isMod || exports.has(target)) return undefined;
    if (from === "tests" && TEST_SUITE.test(target)) return undefined;
    if (to in OUTSIDE) return `${from} may not import ${to}`;
    return `${from} may import public exports only: import what ${PACKAGE} exports`;
  }
  if (isMod && from !== "mod") {
    return from === to || LAYERS[from]?.includes(to)
      ? "inside the package the file is imported, never one that re-exports"
      : `${from} may not import ${to}`;
  }
  if (from === to || FOR_ALL.includes(to) || LAYERS[from]?.includes(to)) return undefined;
  return `${from} may not import ${to}`;
}

/** Where the runtime's own names may stand. */
function mayUse(name: "Deno" | "process" | "node:", file: string): boolean {
  const room = roomOf(file);
  if (isTest(file) || ["runtime", "scripts", "tests", "bench", "examples"].includes(room)) {
    return true;
  }
  if (room === "cli") return name !== "Deno";
  return file.startsWith("server/listen/") || /^testing\/(?:main|serve_login)\.ts$/.test(file);
}

/** How the runtime's own names look in code: `Deno` alone, `process` only where it is used as one. */
const RUNTIME_NAMES = [
  { name: "Deno", pattern: /(?<![\w$.])Deno(?![\w$])|(?<=\bglobalThis\??\.)Deno(?![\w$])/ },
  {
    name: "process",
    pattern:
      /(?<![\w$.])process(?=\s*(?:\?\.|\.|\[))|(?<=\bglobalThis\??\.)process(?![\w$])|\btypeof process\b/,
  },
] as const;

function runtimeBreaches(file: string, code: string, strings: ImportEdge[]): Breach[] {
  const breaches: Breach[] = [];
  const tell = (line: number, name: string) =>
    breaches.push({
      file,
      line,
      message: `${name} may not stand here: runtime/ is the door to the machine`,
    });
  for (const { name, pattern } of RUNTIME_NAMES) {
    if (mayUse(name, file)) continue;
    code.split("\n").forEach((line, index) => {
      if (pattern.test(line)) tell(index + 1, name);
    });
  }
  if (!mayUse("node:", file)) {
    for (const { specifier, line } of strings) {
      if (specifier.startsWith("node:")) tell(line, specifier);
    }
  }
  return breaches;
}

/**
 * What only a module that is run may ask of itself. dnt takes either for `import.meta`, and adds a
 * polyfill that needs Node's types; a bundle has one `import.meta` for all files.
 */
const META_PROPERTIES = /(?<![\w$.])(new\s*\.\s*target|import\s*\.\s*meta)(?![\w$])/;

function metaBreaches(file: string, code: string): Breach[] {
  const ownUse = ["scripts", "tests", "bench", "examples"].includes(roomOf(file));
  if (ownUse || isTest(file) || /(?:^|\/)main\.ts$/.test(file)) return [];
  return code.split("\n").flatMap((text, index) => {
    const name = META_PROPERTIES.exec(text)?.[1];
    if (name === undefined) return [];
    const message = `${name} may not stand here: only a command's main.ts may ask for it`;
    return [{ file, line: index + 1, message }];
  });
}

function nameBreaches(file: string): Breach[] {
  if (file === NAMED_BEFORE || file === NAMED_BEFORE.replace(".ts", "_test.ts")) return [];
  const names = file.replace(/(?:_test)?\.ts$/, "").split("/");
  return names.filter((name) => EMPTY_NAMES.includes(name)).map((name) => ({
    file,
    line: 1,
    message: `the name "${name}" says nothing about what is inside`,
  }));
}

/** The first cycle through each group of files that import each other. */
function cycleBreaches(edges: ReadonlyMap<string, { target: string; line: number }[]>): Breach[] {
  const breaches: Breach[] = [];
  const state = new Map<string, "open" | "done">();
  const path: string[] = [];
  const visit = (file: string): void => {
    state.set(file, "open");
    path.push(file);
    for (const { target, line } of edges.get(file) ?? []) {
      if (state.get(target) === "open") {
        const cycle = [...path.slice(path.indexOf(target)), target];
        breaches.push({ file, line, message: `cycle: ${cycle.join(" → ")}` });
      } else if (!state.has(target) && edges.has(target)) visit(target);
    }
    path.pop();
    state.set(file, "done");
  };
  for (const file of [...edges.keys()].sort()) if (!state.has(file)) visit(file);
  return breaches;
}

/**
 * Checks a tree of TypeScript files, given by their paths from the root.
 *
 * `exports` are the files that deno.json exports: users may import them, and so may what stands
 * outside the package.
 */
export function checkTree(
  files: ReadonlyMap<string, string>,
  exports: ReadonlySet<string> = new Set(),
): Breach[] {
  const breaches: Breach[] = [];
  const edges = new Map<string, { target: string; line: number }[]>();
  for (const [file, text] of files) {
    const { imports, code, strings, codeLines } = readSource(text);
    const room = roomOf(file);
    const known = room in LAYERS || room in OUTSIDE;
    if (!known) {
      breaches.push({ file, line: 1, message: `there is no room "${room}" in the table` });
    }
    if (codeLines > MAX_CODE_LINES) {
      const message = `${codeLines} lines without comments and blanks: at most ${MAX_CODE_LINES}`;
      breaches.push({ file, line: 1, message });
    }
    breaches.push(...nameBreaches(file), ...metaBreaches(file, code));
    breaches.push(...runtimeBreaches(file, code, strings));
    const own: { target: string; line: number }[] = [];
    for (const { specifier, line } of imports) {
      const target = targetOf(file, specifier);
      if (target !== undefined) own.push({ target, line });
      if (isTest(file) && room !== "tests" || !known) continue;
      const why = target !== undefined
        ? edgeBreach(file, target, exports)
        : isPackage(specifier) && !(room in OUTSIDE)
        ? "the package may not import itself by its name"
        : undefined;
      if (why !== undefined) {
        breaches.push({ file, line, message: `${file} → ${target ?? specifier}: ${why}` });
      }
    }
    edges.set(file, own);
  }
  breaches.push(...cycleBreaches(edges));
  return breaches.sort((a, b) => a.file < b.file ? -1 : a.file > b.file ? 1 : a.line - b.line);
}

function isPackage(specifier: string): boolean {
  return specifier === PACKAGE || specifier.startsWith(`${PACKAGE}/`);
}

/** The texts of all TypeScript files of the project. */
export async function readTree(root: string): Promise<Map<string, string>> {
  const files = (await projectFiles(root)).filter((file) => /(?<!\.d)\.ts$/.test(file));
  const texts = files.map(async (file): Promise<[string, string]> => [
    file,
    await Deno.readTextFile(`${root}/${file}`),
  ]);
  return new Map(await Promise.all(texts));
}

export async function exportedFiles(root: string): Promise<Set<string>> {
  const { exports } = JSON.parse(await Deno.readTextFile(`${root}/deno.json`));
  return new Set(Object.values<string>(exports).map((path) => path.replace(/^\.\//, "")));
}

if (import.meta.main) {
  const root = new URL("..", import.meta.url).pathname.replace(/\/$/, "");
  const files = await readTree(root);
  const breaches = checkTree(files, await exportedFiles(root));
  for (const { file, line, message } of breaches) complain(`${file}:${line}: ${message}`);
  if (breaches.length > 0) {
    complain(`${breaches.length} breaches of the architecture in ${files.size} files`);
    Deno.exit(1);
  }
  say(`layers: ${files.size} files keep to the architecture`);
}
