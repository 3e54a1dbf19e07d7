/**
 * The npm package as its users get it: built once, installed from the tarball into an empty folder,
 * and run there by Node 20, Node 24 and Bun against a real registry, compiled by the oldest and the
 * newest TypeScript that it promises to work with, and bundled for browsers.
 */
import { assert, assertEquals, assertLess, assertMatch } from "@std/assert";
import { buildNpm, type BuiltPackage } from "../../scripts/build_npm.ts";
import { filesBelow, importsOf } from "../../scripts/npm_package/check_package.ts";
import { bundleSize } from "../../scripts/npm_package/bundle_size.ts";
import { npmInstall, run, runInstalled } from "../../scripts/npm_package/run.ts";
import { TOOLS } from "../../scripts/npm_package/with_npm_tools.ts";
import { onPath } from "../../scripts/peers_table.ts";
import { shareOf } from "../share_of.ts";
import { neededPeer, type PeerName, requirePeers } from "../peers/locate.ts";
import { selfSigned } from "../peers/certificate.ts";
import { tryClosed, tryCommand, tryInterrupt } from "./command.ts";
import { type Registry, startRegistry } from "../peers/registries.ts";

/** The runtimes; the Node 20 is the oldest that package.json admits. */
const RUNTIMES = ["node20", "node24", "bun"] as const satisfies readonly PeerName[];

/** The oldest TypeScript whose users are promised types, and the newest. */
const TYPESCRIPTS = ["5.5.4", TOOLS.typescript] as const;

/**
 * What a page may pay for the client before its first request, in bytes after gzip: the entry and what
 * it imports statically, and not what comes by `import()` later. 29,993 when this was last written.
 */
const CLIENT_BYTES = 30_000;

/** The same for functions of it, by the code that names them; it was half a per cent less. */
const FUNCTIONS_BYTES = {
  [`export { connect } from "davit"; export { listTags } from "davit/endpoints";`]: 15_350,
  [`export { connect, listTags } from "davit/endpoints";`]: 15_000,
  [`export { connect, getManifest, listTags } from "davit/endpoints";`]: 19_450,
};

/** What a client loads with the first call that needs it. */
const LOADED_LATER = [
  ...["auth/negotiation", "endpoints/listing", "endpoints/writing"],
  ...["transport/machine", "transport/response_error"],
];

/** Where the errors of trace.mjs come from: what is loaded at once, and later. */
const TRACED = ["reference/reference.ts", "endpoints/uploads.ts"];

/** How many files the main entry point may load at every start; each costs a third of a millisecond. */
const START_FILES = 10;

const HERE = decodeURIComponent(new URL(".", import.meta.url).pathname);

/** Node's types, for the consumers that have them. */
const NODE_TYPES = "@types/node@20.19.43";

/** A consumer: which of the files here, under which names, with which compiler options. */
interface Consumer {
  name: string;
  source: string;
  files: string[];
  options: Record<string, unknown>;
}

/** No types but the language's and the web's, and none of the package's skipped; TypeScript's own are. */
const STRICT = {
  ...{ strict: true, noEmit: true, skipLibCheck: false, skipDefaultLibCheck: true },
  ...{ exactOptionalPropertyTypes: true },
  ...{ target: "ES2022", lib: ["ES2022", "DOM"], types: [] },
};

/** A program that imports every entry point; it is made of the list of them. */
const EVERYTHING = "everything.mts";

const CONSUMERS: Consumer[] = [
  ...[["node"], []].map((types) => ({
    name: `every entry point without the DOM's types, ${types[0] ? "with" : "without"} Node's`,
    source: EVERYTHING,
    files: [EVERYTHING],
    options: { ...STRICT, module: "NodeNext", lib: ["ES2022"], types },
  })),
  ...["Node16", "NodeNext"].map((module) => ({
    name: `${module}, ES module and CommonJS`,
    source: "consumer.ts",
    files: ["consumer.mts", "consumer.cts"],
    options: { ...STRICT, module, moduleResolution: module },
  })),
  {
    name: "Bundler",
    source: "consumer.ts",
    files: ["consumer.ts"],
    options: { ...STRICT, module: "ESNext", moduleResolution: "Bundler" },
  },
  {
    name: "Node's types without the DOM's",
    source: "node_consumer.mts",
    files: ["node_consumer.mts"],
    options: { ...STRICT, module: "NodeNext", lib: ["ES2022"], types: ["node"] },
  },
];

/** Without npm there is nothing to build with; it comes with Node, and CI has it. */
const ignore = onPath("npm") === undefined && Deno.env.get("CI") !== "true";

Deno.test({ name: "npm package (needs npm)", ignore }, async (t) => {
  const folder = await Deno.makeTempDir({ prefix: "davit_package_" });
  const consumer = `${folder}/consumer`;
  let built: BuiltPackage | undefined;
  let registry: Registry | undefined;
  try {
    await t.step("builds, packs and installs into an empty folder", async () => {
      const made = await buildNpm(`${folder}/npm`);
      const typescripts = TYPESCRIPTS.map((version) => `ts${version}@npm:typescript@${version}`);
      const esbuild = `esbuild@${TOOLS.esbuild}`;
      await npmInstall(consumer, [made.tarball, esbuild, NODE_TYPES, ...typescripts]);
      built = made;
    });
    if (built === undefined) return; // the step above has failed, and says why
    const { entryPoints, name } = built;

    await t.step("has every entry point of deno.json, but for the command", async () => {
      const { exports } = JSON.parse(await Deno.readTextFile(`${HERE}../../deno.json`));
      assertEquals(entryPoints, Object.keys(exports).filter((each) => each !== "./cli"));
    });

    await t.step("brings at most five packages along, none of which brings another", async () => {
      const modules = `${consumer}/node_modules`;
      const dependenciesOf = async (of: string): Promise<string[]> => {
        const { dependencies = {} } = JSON.parse(
          await Deno.readTextFile(`${modules}/${of}/package.json`),
        );
        return Object.keys(dependencies);
      };
      const brought = await dependenciesOf(name);
      assert(brought.length <= 5, brought.join(", "));
      for (const each of brought) assertEquals(await dependenciesOf(each), [], each);
    });

    await t.step("brings no file but code, its maps, types and papers", async () => {
      const listed = await run("tar", ["-tzf", built!.tarball]);
      const files = listed.trim().split("\n").map((file) => file.replace(/^package\//, ""));
      const others = files.filter((file) =>
        !/^(?:esm|script)\/.+\.(?:js|js\.map|d\.ts|json)$/.test(file)
      );
      assertEquals(others.filter((file) => file !== "README.md").sort(), [
        "LICENSE",
        "bin/davit.mjs",
        "package.json",
      ]);
      assertEquals(files.filter((file) => /_test\.|scripts\//.test(file)), []);
    });

    for (const runtime of RUNTIMES) {
      for (const format of ["import", "require"]) {
        await t.step({
          ...requirePeers(runtime, "olareg"),
          name: `${runtime} by ${format}: pull and push, classes, names`,
          fn: async () => {
            registry ??= await startRegistry("olareg");
            const script = await copied("smoke.mjs", consumer);
            const repository = `smoke/${runtime}-${format}`;
            const args = [script, format, registry.host, repository, ...entryPoints];
            assertMatch(await run(neededPeer(runtime), args, { cwd: consumer }), /^\d+ steps\n$/);
          },
        });
      }
      await t.step({
        ...requirePeers(runtime, "olareg"),
        name: `${runtime}: the command, from one file that needs no other`,
        fn: async () => {
          registry ??= await startRegistry("olareg");
          const { version, bin } = JSON.parse(
            await Deno.readTextFile(`${consumer}/node_modules/${name}/package.json`),
          );
          // Alone in a folder: nothing that stands beside it is needed.
          const file = await Deno.makeTempFile({ dir: folder, suffix: ".mjs" });
          await Deno.copyFile(`${consumer}/node_modules/${name}/${bin.davit}`, file);
          const program = [neededPeer(runtime), file];
          await tryCommand(program, version, `${registry.host}/command/${runtime}`);
          await tryInterrupt(program);
          await tryClosed(program);
        },
      });
      for (const format of ["import", "require"]) {
        await t.step({
          ...requirePeers(runtime),
          name: `${runtime} by ${format}: serves a registry, over HTTPS and with logins too`,
          fn: async () => {
            const { pem, keyPem } = await selfSigned();
            const files = [`${consumer}/cert.pem`, `${consumer}/key.pem`] as const;
            await Deno.writeTextFile(files[0], pem);
            await Deno.writeTextFile(files[1], keyPem);
            const script = await copied("serve.mjs", consumer);
            const said = await run(neededPeer(runtime), [script, format, ...files], {
              cwd: consumer,
            });
            assertMatch(said, /^\d+ steps\n$/);
          },
        });
      }
      await t.step({
        ...requirePeers(runtime),
        name: `${runtime}: archives, of both formats and every kind of input`,
        fn: async () => {
          const script = await copied("archives.mjs", consumer);
          assertMatch(await run(neededPeer(runtime), [script], { cwd: consumer }), /^\d+ reads\n$/);
        },
      });
      await t.step({
        ...requirePeers(runtime),
        name: `${runtime}: streams, by every reader and in pieces of all sizes`,
        fn: async () => {
          const script = await copied("streams.mjs", consumer);
          assertMatch(await run(neededPeer(runtime), [script]), /^\d+ reads\n$/);
        },
      });
      await t.step({
        ...requirePeers(runtime, "olareg"),
        name: `${runtime}: the CommonJS example`,
        fn: async () => {
          registry ??= await startRegistry("olareg");
          const script = await copied("example.cjs", consumer);
          const said = await run(neededPeer(runtime), [script, `${registry.host}/example`]);
          assertEquals(
            said,
            "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824\n",
          );
        },
      });
    }

    for (const format of ["import", "require"]) {
      await t.step({
        ...requirePeers("node24"),
        name:
          `Node 24 by ${format}: loads few files, and nothing of the machine before it is needed`,
        fn: async () => {
          const script = await copied("start.mjs", consumer);
          const said = await run(neededPeer("node24"), [script, format]);
          const files = Number(/^(\d+) files\n$/.exec(said)?.[1]);
          if (format === "import") assertEquals(files, 0);
          else assert(files > 0 && files <= START_FILES, said);
        },
      });
    }

    await t.step({
      ...requirePeers("node24"),
      name: "Node 24 by require: the first lists, manifests and blobs load no other file",
      fn: async () => {
        const said = await run(neededPeer("node24"), [await copied("first_get.mjs", consumer)]);
        const [before, after] = said.trim().split(" ");
        assertEquals(after, before);
      },
    });

    await t.step({
      ...requirePeers("node24"),
      name: "Node 24 with both copies: codes are the same, and classes are each copy's own",
      fn: async () => {
        const script = await copied("copies.mjs", consumer);
        const said = await run(neededPeer("node24"), [script], { cwd: consumer });
        assertMatch(said, /^\d+ errors\n$/);
      },
    });

    await t.step({
      ...requirePeers("node24"),
      name:
        "a worker of an old compatibility date: every entry point loads, and says what cannot be",
      fn: async () => {
        const script = await copied("worker.mjs", consumer);
        const said = await run(neededPeer("node24"), [script, ...entryPoints], { cwd: consumer });
        assertMatch(said, /^\d+ steps\n$/);
      },
    });

    await t.step({
      ...requirePeers("node24", "workerd"),
      name: "workerd of old and new compatibility dates: pull and push, and what cannot be",
      fn: async () => {
        const script = await copied("workerd.mjs", consumer);
        const args = [script, neededPeer("workerd"), ...entryPoints];
        const said = await run(neededPeer("node24"), args, { cwd: consumer });
        assertMatch(said, /^\d+ steps\n$/);
      },
    });

    for (const format of ["import", "require"]) {
      await t.step({
        ...requirePeers("node24"),
        name: `Node 24 by ${format}: a stack trace names the TypeScript`,
        fn: async () => {
          const script = await copied("trace.mjs", consumer);
          const flag = "--enable-source-maps";
          const said = await run(neededPeer("node24"), [flag, script, format], { cwd: consumer });
          const traces = said.split(/^(?=\w*Error: )/m);
          const frames = traces.map((trace) =>
            /\/registry-client\/(\S+\.ts):(\d+):\d+\)\n/.exec(trace) ?? [trace]
          );
          assertEquals(frames.map(([, file]) => file), TRACED);
          for (const [frame, file, line] of frames) {
            const source = await Deno.readTextFile(`${HERE}../../${file}`);
            assertMatch(source.split("\n")[Number(line) - 1]!, /\bnew \w+Error\(/, frame);
          }
        },
      });
    }

    // Outside of CI the compilers take turns: what one refuses the other mostly does.
    for (const [turn, typescript] of TYPESCRIPTS.entries()) {
      const consumers = shareOf(CONSUMERS, turn, TYPESCRIPTS.length);
      for (const { name, source, files, options: compilerOptions } of consumers) {
        await t.step(`TypeScript ${typescript}, ${name}`, async () => {
          const project = await Deno.makeTempDir({ prefix: "types_", dir: consumer });
          const text = source === EVERYTHING
            ? everything(built!)
            : await Deno.readTextFile(`${HERE}${source}`);
          for (const file of files) await Deno.writeTextFile(`${project}/${file}`, text);
          const config = JSON.stringify({ compilerOptions, files });
          await Deno.writeTextFile(`${project}/tsconfig.json`, config);
          await runInstalled(consumer, `ts${typescript}/bin/tsc`, ["-p", project]);
        });
      }
    }

    await t.step("bundles for browsers, and nothing that is not used comes along", async () => {
      const client = await bundleSize(consumer, `export { RegistryClientV2 } from "${name}";`);
      assertLess(client.main, CLIENT_BYTES);
      for (const module of LOADED_LATER) assert(module in client.later, module);
      for (const [code, most] of Object.entries(FUNCTIONS_BYTES)) {
        const { main } = await bundleSize(consumer, code.replaceAll("davit", name));
        assertLess(main, most, code);
      }
    });

    await t.step("loads what signs tokens and hashes passwords when somebody logs in", async () => {
      const folder = `${consumer}/node_modules/${name}`;
      const { dependencies } = JSON.parse(await Deno.readTextFile(`${folder}/package.json`));
      for (const dependency of ["bcryptjs", "jose"]) {
        assert(dependency in dependencies, `${dependency} is a dependency`);
        for (const format of ["esm", "script"]) {
          const files = (await filesBelow(`${folder}/${format}`))
            .filter((file) => file.endsWith(".js"));
          const imports = await Promise.all(
            files.map(async (file) =>
              importsOf(await Deno.readTextFile(`${folder}/${format}/${file}`))
            ),
          );
          const atOnce = files.filter((_, index) => imports[index]!.atOnce.includes(dependency));
          assertEquals(atOnce, [], dependency);
          assert(
            imports.some(({ later }) => later.includes(dependency)),
            `${dependency}, ${format}`,
          );
        }
      }
      const server = `export { createRegistry } from "${name}/server";`;
      const { later } = await bundleSize(consumer, server);
      assert(Object.keys(later).length > 0, "browsers load them later too");
    });
  } finally {
    await registry?.stop();
    await Deno.remove(folder, { recursive: true });
  }
});

/** A program that imports all that the package has. */
function everything({ name, entryPoints }: BuiltPackage): string {
  return entryPoints.map((entry, index) =>
    `import * as entry${index} from "${name}${entry.slice(1)}";\nvoid entry${index};\n`
  ).join("");
}

/** Copies a script to where the package is installed: there, its name resolves. */
async function copied(script: string, folder: string): Promise<string> {
  await Deno.copyFile(`${HERE}${script}`, `${folder}/${script}`);
  return `${folder}/${script}`;
}
