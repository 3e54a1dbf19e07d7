/** The command as a program: what it prints, how it ends, and how it is interrupted. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { pack } from "../../artifact/mod.ts";
import { RegistryClientV2, RegistryStore } from "../../mod.ts";
import { inFolder } from "../../scripts/temp_folder.ts";
import { serve } from "../../server/mod.ts";
import { LayoutStore } from "../../stores/mod.ts";
import { createTestRegistry } from "../../testing/mod.ts";

/** Starts it in a folder, with credentials of nobody. */
function start([program, ...args]: string[], more: string[], cwd: string): Deno.ChildProcess {
  return new Deno.Command(program!, {
    args: [...args, ...more],
    cwd,
    env: { DOCKER_CONFIG: cwd },
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

async function ended(child: Deno.ChildProcess) {
  const { code, stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** Copies an artifact out of a folder into a repository and back; what fails says so by its code. */
export async function tryCommand(
  program: string[],
  version: string,
  repository: string,
): Promise<void> {
  await inFolder(async (folder) => {
    const davit = async (...args: string[]) => await ended(start(program, args, folder));
    const done = (stdout: string) => ({ code: 0, stdout, stderr: "" });
    const store = new LayoutStore(`${folder}/layout`);
    const { digest } = await pack(store, { artifactType: "application/vnd.example", tag: "v1" });
    assertEquals(await davit("--version"), done(`${version}\n`));
    assertEquals(
      await davit("copy", "oci:layout:v1", repository, "--quiet"),
      done(`${repository}:latest@${digest}\n`),
    );
    assertEquals(await davit("ls", repository), done("latest\n"));
    const copied = await davit("copy", repository, "oci-archive:back.tar");
    assertEquals([copied.code, copied.stdout], [0, `oci-archive:back.tar:latest@${digest}\n`]);
    assertMatch(copied.stderr, /^copied [^]*copied 2: /);
    assertEquals(await davit("digest", "oci-archive:back.tar"), done(`${digest}\n`));
    const missing = await davit("digest", `${repository}:none`);
    assertEquals([missing.code, missing.stdout], [3, ""]);
    assertMatch(missing.stderr, /^davit: Cannot .*404.*\n$/);
    assertEquals((await davit("cpoy", "a", "b")).code, 2);
  });
}

/** As many bytes as take four seconds, so that it is interrupted in the middle. */
const SLOW_BYTES = 8_000_000;

/** Whether some of them stand in a layout: its lock and what describes them are smaller. */
async function holdsBytes(layout: string): Promise<boolean> {
  try {
    for await (const { name } of Deno.readDir(`${layout}/.partial`)) {
      if ((await Deno.stat(`${layout}/.partial/${name}`)).size > 10_000) return true;
    }
  } catch { /* nothing is there yet, or no longer */ }
  return false;
}

/** Interrupts a copy from a slow registry, and lets the next run go on. */
export async function tryInterrupt(program: string[]): Promise<void> {
  const registry = createTestRegistry({
    faults: { bytesPerSecond: 2_000_000, on: { endpoint: "blob", method: "GET" } },
  });
  const server = await serve(registry);
  try {
    await inFolder(async (folder) => {
      const repository = `${new URL(server.url).host}/slow`;
      const store = new RegistryStore(new RegistryClientV2({ name: repository }));
      const body = new Uint8Array(SLOW_BYTES).fill(7);
      await pack(store, { artifactType: "application/vnd.example", layers: [{ body }], tag: "v1" });
      const args = ["copy", `${repository}:v1`, "oci:there"];
      const child = start(program, args, folder);
      let over = false;
      void child.status.then(() => over = true);
      while (!over && !await holdsBytes(`${folder}/there`)) {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      child.kill("SIGINT");
      const stopped = await ended(child);
      assertEquals([stopped.code, stopped.stdout], [130, ""], stopped.stderr);
      assertMatch(
        stopped.stderr,
        /davit: interrupted; the next run goes on where this one stopped\n$/,
      );
      const again = await ended(start(program, args, folder));
      assertEquals(again.code, 0, again.stderr);
      assertMatch(again.stderr, /goes on {2}sha256:\w{12} {2}/);
      assert(registry.requests.some(({ headers }) => /^bytes=[1-9]/.test(headers.range ?? "")));
    });
  } finally {
    await server.close();
  }
}
