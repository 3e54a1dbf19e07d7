import { assertEquals } from "@std/assert";
import { checkTree, exportedFiles, LAYERS, readTree } from "../scripts/check_layers.ts";
import { readSource } from "../scripts/check_layers_source.ts";

const ROOT = new URL("..", import.meta.url).pathname;

Deno.test("layers: this project keeps to its architecture", async () => {
  const files = await readTree(ROOT);
  const breaches = checkTree(files, await exportedFiles(ROOT));
  assertEquals(breaches.map(({ file, line, message }) => `${file}:${line}: ${message}`), []);
});

/** Checks a made-up tree; answers one line for each breach. */
function check(tree: Record<string, string>, exports: string[] = []): string[] {
  const breaches = checkTree(new Map(Object.entries(tree)), new Set(exports));
  return breaches.map(({ file, line, message }) => `${file}:${line}: ${message}`);
}

function imports(specifier: string): string {
  return `/** A module. */\nimport { x } from "${specifier}";\nexport const y = x;\n`;
}

const allowed: [string, string, string][] = [
  ["its own room", "endpoints/tags.ts", "./next_page.ts"],
  ["a room on its right", "endpoints/tags.ts", "../transport/channel.ts"],
  ["errors", "runtime/files.ts", "../errors.ts"],
  ["events", "content/body.ts", "../events.ts"],
  ["a package", "auth/token.ts", "jose"],
  ["testing, the server", "testing/quirks/quirks.ts", "../../server/middleware.ts"],
  ["the client from the store", "registry_store.ts", "./registry_client_v2.ts"],
  ["the root mod.ts re-exports", "mod.ts", "./registry_client_v2.ts"],
  ["a room's mod.ts re-exports", "stores/mod.ts", "./memory.ts"],
  ["the root mod.ts, a room's", "mod.ts", "./auth/mod.ts"],
  ["the root endpoints.ts re-exports", "endpoints.ts", "./registry_channel.ts"],
  ["an integration, the store", "integrations/chainloop/push.ts", "../../registry_store.ts"],
  ["an example, by name", "examples/list_tags.ts", "@davit/registry-client"],
  ["an example, how it ends", "examples/list_tags.ts", "../scripts/run_program.ts"],
  ["the task that serves, how it ends", "testing/main.ts", "../scripts/run_program.ts"],
  ["a test, a mod.ts", "tests/tags_test.ts", "../server/mod.ts"],
  ["a test, the stores' suite", "tests/tags_test.ts", "../content/test_content_store.ts"],
  [
    "a test, the backends' suite",
    "tests/tags_test.ts",
    "../server/backends/test_registry_backend.ts",
  ],
  ["a test, a script", "tests/layers_test.ts", "../scripts/check_layers.ts"],
  ["the bench, the tests' peers", "bench/pull.ts", "../tests/peers/registries.ts"],
  ["a script, a mod.ts", "scripts/demo.ts", "../mod.ts"],
  ["the command, a mod.ts", "cli/main.ts", "../mod.ts"],
  ["the command, the version", "cli/run.ts", "../deno.json"],
  ["a test beside its file: anything", "transport/retry_test.ts", "../server/mod.ts"],
];

for (const [name, file, specifier] of allowed) {
  Deno.test(`layers: may import: ${name}`, () =>
    assertEquals(check({ [file]: imports(specifier) }), []));
}

const INSIDE = "inside the package the file is imported, never one that re-exports";
const PUBLIC = "may import public exports only: import what @davit/registry-client exports";

/** What is imported, and what is said of it. */
const forbidden: [specifier: string, message: string][] = [
  ["../../reference/reference.ts", `cli/commands/ls.ts → reference/reference.ts: cli ${PUBLIC}`],
  ["../deno.json", "content/version.ts → deno.json: content may not import deno.json"],
  [
    "../reference/parse.ts",
    "content/store.ts → reference/parse.ts: content may not import reference",
  ],
  ["../auth/token.ts", "endpoints/ping.ts → auth/token.ts: endpoints may not import auth"],
  ["../runtime/files.ts", "endpoints/ping.ts → runtime/files.ts: endpoints may not import runtime"],
  [
    "../transport/channel.ts",
    "server/routes.ts → transport/channel.ts: server may not import transport",
  ],
  [
    "../testing/quirks/quirks.ts",
    "server/registry.ts → testing/quirks/quirks.ts: server may not import testing",
  ],
  [
    "../../endpoints/tags.ts",
    "testing/grade/grade.ts → endpoints/tags.ts: testing may not import endpoints",
  ],
  [
    "../../testing/test_registry.ts",
    "integrations/chainloop/push.ts → testing/test_registry.ts: integrations may not import testing",
  ],
  ["../stores/memory.ts", "copy/copy.ts → stores/memory.ts: copy may not import stores"],
  [
    "../../server/routes.ts",
    "integrations/chainloop/push.ts → server/routes.ts: integrations may not import server",
  ],
  ["../content/bytes.ts", "runtime/files.ts → content/bytes.ts: runtime may not import content"],
  [
    "../registry_client_v2.ts",
    "endpoints/ping.ts → registry_client_v2.ts: endpoints may not import registry_client_v2",
  ],
  ["../transport/mod.ts", `endpoints/ping.ts → transport/mod.ts: ${INSIDE}`],
  ["../mod.ts", "endpoints/ping.ts → mod.ts: endpoints may not import mod"],
  ["../endpoints.ts", "endpoints/ping.ts → endpoints.ts: endpoints may not import mod"],
  ["./mod.ts", `endpoints/ping.ts → endpoints/mod.ts: ${INSIDE}`],
  [
    "@davit/registry-client/auth",
    "endpoints/ping.ts → @davit/registry-client/auth: the package may not import itself by its name",
  ],
  ["../endpoints/tags.ts", `tests/tags_test.ts → endpoints/tags.ts: tests ${PUBLIC}`],
  ["../scripts/say.ts", "examples/list_tags.ts → scripts/say.ts: examples may not import scripts"],
  ["../../elsewhere/x.ts", "content/bytes.ts → ../x.ts: is outside the project"],
];

for (const [specifier, message] of forbidden) {
  const [file = ""] = message.split(" → ");
  Deno.test(`layers: may not import: ${message}`, () =>
    assertEquals(check({ [file]: imports(specifier) }), [`${file}:2: ${message}`]));
}

const ways: [string, string][] = [
  ["import type", 'import type { X } from "../auth/token.ts";'],
  ["import for its effect", 'import "../auth/token.ts";'],
  ["default and names", 'import token, { type X } from "../auth/token.ts";'],
  ["over several lines", 'import {\n  x, // "here"\n} from "../auth/token.ts";'],
  ["export star", 'export * from "../auth/token.ts";'],
  ["export names", 'export { x as default } from "../auth/token.ts";'],
  ["dynamic", 'const x = await import("../auth/token.ts");'],
  ["import type in a type", 'type X = import("../auth/token.ts").X;'],
  ["in a template's substitution", 'const x = `${await import("../auth/token.ts")}`;'],
  ["after an object there", 'const x = `${f({ a: 1 }, import("../auth/token.ts"))}`;'],
  ["single quotes, no semicolons", "const a = 1\nimport x from '../auth/token.ts'\n"],
  ["after a regular expression", 'const r = /["\'`]/; import "../auth/token.ts";'],
  [
    "after a regular expression in a substitution",
    'const s = `${/"`/}`; import "../auth/token.ts";',
  ],
  ["after a division", 'const d = a / b; import "../auth/token.ts"; const e = 1 / 2;'],
];

for (const [name, text] of ways) {
  Deno.test(`layers: an import is seen: ${name}`, () => {
    assertEquals(readSource(text).imports.map((edge) => edge.specifier), ["../auth/token.ts"]);
    assertEquals(check({ "endpoints/ping.ts": text }).length, 1);
  });
}

const noImports: [string, string][] = [
  ["a comment", '// import "../auth/token.ts";\n/* export * from "../auth/token.ts" */'],
  ["an example in the documentation", '/**\n * ```ts\n * import "../auth/token.ts";\n * ```\n */'],
  ["a string", "const text = 'import \"../auth/token.ts\"';"],
  ["a template", 'const text = `import "../auth/token.ts";`;'],
  ["a call of something else", 'load("../auth/token.ts"); this.import("../auth/token.ts");'],
  ["a value named from", 'export const from = 1; const t = ["../auth/token.ts"];'],
  ["import.meta", 'const u = new URL("../auth/token.ts", import.meta.url);'],
];

for (const [name, text] of noImports) {
  Deno.test(`layers: not an import: ${name}`, () => assertEquals(readSource(text).imports, []));
}

Deno.test("layers: a cycle is named by its files", () => {
  const tree = {
    "content/a.ts": 'import type { B } from "./b.ts";',
    "content/b.ts": 'export * from "./c.ts";',
    "content/c.ts": '\nconst a = await import("./a.ts");',
    "content/d.ts": 'import "./a.ts"; import "./c.ts";',
  };
  assertEquals(check(tree), [
    "content/c.ts:2: cycle: content/a.ts → content/b.ts → content/c.ts → content/a.ts",
  ]);
});

const DOOR = "may not stand here: runtime/ is the door to the machine";
const runtimeNames: [string, string, string, string[]][] = [
  ["Deno in a room", "content/a.ts", "const x = Deno.args;", [`content/a.ts:1: Deno ${DOOR}`]],
  ["globalThis.Deno", "auth/a.ts", "x(globalThis.Deno);", [`auth/a.ts:1: Deno ${DOOR}`]],
  ["typeof Deno", "auth/a.ts", "\ntypeof Deno;", [`auth/a.ts:2: Deno ${DOOR}`]],
  ["process", "auth/a.ts", "process.env.X;", [`auth/a.ts:1: process ${DOOR}`]],
  ["process, optional", "auth/a.ts", "process?.env;", [`auth/a.ts:1: process ${DOOR}`]],
  ["globalThis.process", "auth/a.ts", "globalThis.process;", [`auth/a.ts:1: process ${DOOR}`]],
  ["node:", "stores/a.ts", 'import "node:fs";', [`stores/a.ts:1: node:fs ${DOOR}`]],
  ["node: in a call", "stores/a.ts", 'get("node:fs");', [`stores/a.ts:1: node:fs ${DOOR}`]],
  ["in a template", "stores/a.ts", "`${Deno.pid}`;", [`stores/a.ts:1: Deno ${DOOR}`]],
  ["Deno in the command", "cli/main.ts", "Deno.exit();", [`cli/main.ts:1: Deno ${DOOR}`]],
  [
    "node: in the command",
    "cli/main.ts",
    'import process from "node:process"; process.exit();',
    [],
  ],
  ["runtime", "runtime/a.ts", 'Deno.args; process.env; import "node:fs";', []],
  ["the server's listener", "server/listen/serve.ts", "Deno.serve();", []],
  ["the server's listener on a runtime", "server/listen/listen_deno.ts", "Deno.serve();", []],
  ["the command that serves", "testing/main.ts", "Deno.args;", []],
  ["its flags", "testing/serve_login.ts", "Deno.readTextFile(x);", []],
  ["the server's backends", "server/backends/disk_backend.ts", "Deno.open(x);", [
    `server/backends/disk_backend.ts:1: Deno ${DOOR}`,
  ]],
  ["quirks", "testing/quirks/quirks.ts", "Deno.args;", [
    `testing/quirks/quirks.ts:1: Deno ${DOOR}`,
  ]],
  ["the server's routes", "server/routes.ts", "Deno.serve();", [
    `server/routes.ts:1: Deno ${DOOR}`,
  ]],
  ["a test", "content/a_test.ts", "Deno.test();", []],
  ["scripts", "scripts/a.ts", "Deno.args;", []],
  ["comments and strings", "content/a.ts", '/** `Deno.args` */ const a = "Deno.args";', []],
  ["other names", "content/a.ts", "a.Deno; myDeno.x; a.process.x; const process = 1; process;", []],
];

for (const [name, file, text, expected] of runtimeNames) {
  Deno.test(`layers: the runtime's names: ${name}`, () =>
    assertEquals(check({ [file]: text }), expected));
}

const MAIN = "may not stand here: only a command's main.ts may ask for it";
const metaProperties: [string, string, string, string[]][] = [
  ["new.target", "errors.ts", "\nnew.target.name;", [`errors.ts:2: new.target ${MAIN}`]],
  ["import.meta", "content/a.ts", "import.meta.url;", [`content/a.ts:1: import.meta ${MAIN}`]],
  ["in a template", "content/a.ts", "`${import.meta.url}`;", [
    `content/a.ts:1: import.meta ${MAIN}`,
  ]],
  ["in the command", "cli/commands/pull.ts", "import.meta.url;", [
    `cli/commands/pull.ts:1: import.meta ${MAIN}`,
  ]],
  ["a command's main", "cli/main.ts", "if (import.meta.main) main();", []],
  ["the server's main", "server/main.ts", "if (import.meta.main) main();", []],
  ["a script", "scripts/a.ts", "import.meta.url;", []],
  ["a test beside its file", "content/a_test.ts", "import.meta.url;", []],
  ["comments, strings and other names", "content/a.ts", "a.import.meta; // new.target\n''", []],
];

for (const [name, file, text, expected] of metaProperties) {
  Deno.test(`layers: what a module asks of itself: ${name}`, () =>
    assertEquals(check({ [file]: text }), expected));
}

Deno.test("layers: a file has at most 500 lines, comments and blanks not counted", () => {
  const lines = (count: number) => "x();\n".repeat(count);
  assertEquals(check({ "content/a.ts": `${lines(500)}\n\n// more\n/*\n\n*/\n` }), []);
  assertEquals(check({ "content/a.ts": lines(501) }), [
    "content/a.ts:1: 501 lines without comments and blanks: at most 500",
  ]);
  assertEquals(readSource("const a = `\n\n  text\n`;\n").codeLines, 3);
});

Deno.test("layers: names that say nothing", () => {
  const says = (name: string) => `the name "${name}" says nothing about what is inside`;
  assertEquals(check({ "content/utils.ts": "" }), [`content/utils.ts:1: ${says("utils")}`]);
  assertEquals(check({ "auth/lib/a.ts": "" }), [`auth/lib/a.ts:1: ${says("lib")}`]);
  assertEquals(check({ "helpers/a.ts": "" }), [
    'helpers/a.ts:1: there is no room "helpers" in the table',
    `helpers/a.ts:1: ${says("helpers")}`,
  ]);
  assertEquals(check({ "integrations/docker_registry_client/common.ts": "" }), []);
});

Deno.test("layers: a room must be in the table", () => {
  assertEquals(check({ "extras/a.ts": "" }), [
    'extras/a.ts:1: there is no room "extras" in the table',
  ]);
  assertEquals(check({ "other.ts": "" }), ['other.ts:1: there is no room "other" in the table']);
});

Deno.test("layers: outside the package, exported files may be imported by path", () => {
  const tree = { "tests/a_test.ts": 'import "../registry_client_v2.ts";' };
  assertEquals(check(tree).length, 1);
  assertEquals(check(tree, ["registry_client_v2.ts"]), []);
});

Deno.test("layers: the table names no room that could import its importer", () => {
  const reaches = (from: string, to: string): boolean =>
    (LAYERS[from] ?? []).some((next) => next === to || reaches(next, to));
  assertEquals(Object.keys(LAYERS).filter((room) => reaches(room, room)), []);
});
