/** `task live` on real registries: every verb, or the registry's own lack, and nothing left behind. */
import { assert, assertEquals } from "@std/assert";
import { login } from "../../auth/mod.ts";
import { RegistryClientV2 } from "../../mod.ts";
import { live } from "../../scripts/live.ts";
import { createRegistry, serve } from "../../server/mod.ts";
import { CREDENTIALS } from "../peers/registries.ts";
import type { RegistryName } from "./lacks.ts";
import { clientOptions, type RegistryCase, testRegistries } from "./on_registries.ts";

/** What is not "ok" where; `testRegistries` asks each in every way that it knows. */
const NOT_OK: Record<RegistryName, Record<string, string>> = {
  "docker-registry": { "delete tags": "UNSUPPORTED" },
  distribution: {},
  olareg: {},
  crane: {},
  embedded: {},
};

const CASES: RegistryCase[] = [
  ["every verb, nothing left, and no secret in the tape", async ({ registry, client, can }) => {
    const own = client();
    const name = `${registry.origin}/${own.repo.remoteName}`;
    const { outcomes, tape, left } = await live(name, clientOptions(registry));
    const expected = Object.keys(outcomes).map((verb) => [
      verb,
      NOT_OK[registry.kind][verb] ?? "ok",
    ]);
    assertEquals(outcomes, Object.fromEntries(expected));

    // Where tags stay, so does the list of referrers, empty.
    const lists = left.filter((tag) => /^sha256-[0-9a-f]{64}$/.test(tag));
    assertEquals(lists.length, can("delete tags") ? 0 : 1);
    assertEquals(left, lists);
    const { tags } = await own.listTags().catch(() => ({ tags: [] }));
    assertEquals(tags, left);
    for (const ref of left) {
      const { manifest } = await own.getManifest({ ref });
      assertEquals("manifests" in manifest && manifest.manifests, []);
    }

    const text = JSON.stringify(tape);
    assert(text.includes("davit-live-"));
    const { username, password } = CREDENTIALS;
    const encoded = new TextEncoder().encode(`${username}:${password}`);
    for (const secret of [password, btoa(String.fromCharCode(...encoded))]) {
      assertEquals(text.includes(secret), false);
    }
  }],
];

testRegistries("live", CASES);

/** As `deno task live` runs it. */
async function taskLive(args: string[], environment: Record<string, string>) {
  const path = (name: string) => new URL(`../../scripts/${name}.ts`, import.meta.url).pathname;
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-lock", "-A", path("deno"), "run", "-A", path("live"), "--", ...args],
    env: environment,
    signal: AbortSignal.timeout(300_000),
  }).output();
  return { code, said: new TextDecoder().decode(stdout) };
}

Deno.test("task live: the command takes what login left, and leaves nothing but a tape", async () => {
  const { username, password } = CREDENTIALS;
  const server = await serve(
    createRegistry({ auth: { basic: { users: { [username]: password } } } }),
  );
  const folder = await Deno.makeTempDir();
  const tape = `${folder}/tape.json`;
  try {
    const host = `${server.hostname}:${server.port}`;
    await login(host, CREDENTIALS, { config: `${folder}/config.json` });
    const environment = { DOCKER_CONFIG: folder };
    const args = [`${host}/me/app`, "--tape", tape];

    const run = await taskLive(args, environment);
    const lines = run.said.split("\n").filter((line) => /^[a-z].* {2}\S/.test(line));
    assertEquals(lines.filter((line) => !line.endsWith("  ok")), []);
    assertEquals([run.code, lines.length], [0, 14]);
    const text = await Deno.readTextFile(tape);
    assert(text.includes("davit-live-") && !text.includes(password));
    const client = new RegistryClientV2({ name: `${host}/me/app`, ...CREDENTIALS });
    assertEquals((await client.listTags()).tags, []);

    const nobody = await taskLive([...args, "--anonymous"], environment);
    assertEquals(nobody.code, 1);
    assert(nobody.said.includes("UNAUTHORIZED"), nobody.said);
  } finally {
    await server.close();
    await Deno.remove(folder, { recursive: true });
  }
});
