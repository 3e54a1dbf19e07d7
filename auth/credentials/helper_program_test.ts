import { assertEquals, assertNotMatch, assertRejects, assertStringIncludes } from "@std/assert";
import type { ApiError } from "../../errors.ts";
import { tempFolder } from "../../scripts/temp_folder.ts";
import { dockerCredentials, dockerCredentialsSync } from "./docker_credentials.ts";

/** Helpers as people have them: programs on the PATH. */
const HELPERS: Record<string, string> = {
  good: `read host; printf '{"ServerURL":"%s","Username":"%s","Secret":"s"}' "$host" "$1"`,
  deaf: `echo '{"Username":"you","Secret":"s"}'`,
  none: "cat >/dev/null; echo credentials not found in native keychain; exit 1",
  failing: "cat >/dev/null; echo hunter2 >&2; echo hunter2; exit 1",
  garbage: "cat >/dev/null; echo hunter2",
  large: "cat >/dev/null; head -c 10000000 /dev/zero | tr '\\0' x",
  hanging: "exec sleep 60",
  killed: "kill -9 $$",
};

const CASES: [name: string, expected: object | undefined | [code: string, message: string]][] = [
  ["good", { username: "get", password: "s" }],
  ["deaf", { username: "you", password: "s" }],
  ["none", undefined],
  ["failing", ["CREDENTIALS", "docker-credential-failing failed: exit code 1"]],
  ["garbage", ["CREDENTIALS", "docker-credential-garbage failed: its answer is not JSON"]],
  ["large", ["LIMIT_EXCEEDED", "it says more than the limit helperBytes of 1048576 bytes"]],
  ["hanging", ["TIMEOUT", "it did not end within the limit helperTimeout of 2000 ms"]],
  ["killed", ["CREDENTIALS", "exit code -1"]],
  ["missing", ["CREDENTIALS", "docker-credential-missing: it is not on the PATH; install it"]],
];

for (const [name, expected] of CASES) {
  Deno.test(`a credential helper, run as a program: ${name}`, async () => {
    await using folder = await tempFolder();
    for (const [helper, script] of Object.entries(HELPERS)) {
      const path = `${folder.path}/docker-credential-${helper}`;
      await Deno.writeTextFile(path, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    }
    const options = {
      configText: JSON.stringify({ credsStore: name }),
      environment: { PATH: `${folder.path}:${Deno.env.get("PATH")}` },
      helperTimeout: name === "hanging" ? 2_000 : 30_000,
    };
    const target = { host: "a.io" };
    const sync = () => Promise.resolve().then(() => dockerCredentialsSync(options)(target));
    for (const run of [async () => await dockerCredentials(options)(target), sync]) {
      if (!Array.isArray(expected)) {
        assertEquals(await run(), expected);
        continue;
      }
      const error = await assertRejects(run) as ApiError;
      assertEquals(error.code, expected[0]);
      assertStringIncludes(error.message, expected[1]);
      assertNotMatch(Deno.inspect(error, { showHidden: true }), /hunter2/);
    }
  });
}
