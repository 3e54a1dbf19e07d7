/**
 * `examples/chainloop.ts`: the commands of Chainloop's page run in bash as they stand there, without
 * the prompt and the comment lines and with the placeholders filled, and all else that may be typed.
 */
import { assert, assertEquals, assertMatch, assertNotMatch } from "@std/assert";
import { denoArguments, stdSource } from "../scripts/deno.ts";
import { examplePermissions } from "../scripts/example.ts";
import { serve } from "../server/mod.ts";
import { createTestRegistry, type PresetName } from "../testing/mod.ts";

const REGISTER = "$ chainloop integration registered add oci-registry";

/** Each block of the page, with the registry that it is for and its host there. */
const BLOCKS: Record<
  string,
  { preset: PresetName; host: string; username: string; block: string }
> = {
  "How to use it": {
    preset: "distribution3",
    host: "[repo]",
    username: "you",
    block:
      `${REGISTER} --opt repository=[repo] --opt username=[username] --opt password=[password]`,
  },
  "Google Artifact Registry": {
    preset: "gar",
    host: "[region]-docker.pkg.dev",
    username: "_json_key",
    block: `${REGISTER} \\
    # i.e us-east1-docker.pkg.dev/my-project/chainloop-cas-devel
    --opt repository=[region]-docker.pkg.dev/[my-project]/[my-repository] \\
    --opt username=_json_key \\
    --opt "password=$(cat service-account.json)"`,
  },
  "GitHub packages": {
    preset: "ghcr",
    host: "ghcr.io",
    username: "you",
    block: `${REGISTER} \\
    # i.e ghcr.io/chainloop-dev/chainloop-cas
    --opt repository=ghcr.io/[username or org]/[my-repository] \\
    --opt username=[username] \\
    --opt password=[personal access token]`,
  },
  "DockerHub": {
    preset: "dockerHub",
    host: "index.docker.io",
    username: "you",
    block: `${REGISTER} \\
    --opt repository=index.docker.io/[username] \\
    --opt username=[username] \\
    --opt password=[personal access token]`,
  },
};

const ATTACH =
  "chainloop integration attached add --workflow $WID --integration $IID --opt prefix=custom-prefix";

/** With `=`, `,`, a colon and lines, as a service account's key has them. */
const PASSWORD = '{\n  "private_key": "hunter2=a,b:c\\n"\n}';

interface Shell {
  /** Runs a script in bash, in which `chainloop` is the example. */
  bash(script: string): Promise<{ code: number; stdout: string; stderr: string }>;
  /** The folder it runs in. */
  cwd: string;
  /** The registry's host. */
  host: string;
  /** What the registry was asked, as "PUT /v2/…". */
  asked(): string[];
}

async function withShell(
  preset: PresetName,
  username: string,
  use: (shell: Shell) => Promise<void>,
): Promise<void> {
  const users = { [username]: PASSWORD };
  const auth = preset === "distribution3" ? { basic: { users } } : { bearer: { users } };
  const registry = createTestRegistry({ preset, auth });
  const server = await serve(registry);
  const cwd = await Deno.makeTempDir({ prefix: "davit_chainloop_" });
  const { source } = await stdSource();
  const file = decodeURIComponent(new URL("../examples/chainloop.ts", import.meta.url).pathname);
  const permissions = await examplePermissions("chainloop");
  const run = ["run", "--quiet", "--no-prompt", ...permissions, file];
  const words = [Deno.execPath(), ...denoArguments(run, source)].map((word) => `'${word}'`);
  try {
    await Deno.writeTextFile(`${cwd}/service-account.json`, `${PASSWORD}\n`);
    await use({
      cwd,
      host: new URL(server.url).host,
      asked: () => registry.requests.map(({ method, path }) => `${method} ${path}`),
      async bash(script) {
        const command = new Deno.Command("bash", {
          args: ["-c", `chainloop() { ${words.join(" ")} "$@"; }\n${script}`],
          cwd,
          env: { NO_COLOR: "1" },
          stdin: "null",
        });
        const { code, stdout, stderr } = await command.output();
        const decoder = new TextDecoder();
        const said = { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
        assertNotMatch(said.stdout + said.stderr, /hunter2/);
        return said;
      },
    });
  } finally {
    await server.close();
    await Deno.remove(cwd, { recursive: true });
  }
}

/** A block as a shell takes it. */
function typed(block: string, host: string, here: string): string {
  return block.replace(/^\$ /, "").split("\n").filter((line) => !/^\s*#/.test(line)).join("\n")
    .replace(host, host === "[repo]" ? `${here}/you` : here)
    .replace(/repository=(\S+?)\[username or org\]/, "repository=$1you")
    .replace(/\[(my-project|my-repository)\]/g, "$1").replaceAll("[username]", "you")
    .replace(/password=\[[a-z ]+\]/, '"password=$(cat service-account.json)"');
}

const ENVELOPE = '{"payloadType":"t","payload":"cA==","signatures":[{"sig":"cw=="}]}';

for (const [title, { preset, host, username, block }] of Object.entries(BLOCKS)) {
  Deno.test(`examples: chainloop, as its page has it: ${title}`, async () => {
    await withShell(preset, username, async ({ bash, cwd, host: here, asked }) => {
      const register = typed(block, host, here);
      assertNotMatch(register, /\[|\]|#/);
      const script = `set -e
IID=$(${register} -q)
WID=my-workflow
AID=$(${ATTACH} -q)
echo '${ENVELOPE}' > attestation.json
chainloop attestation push --attachment $AID attestation.json -q
chainloop attestation push --attachment $AID -o json < attestation.json`;
      const { code, stdout, stderr } = await bash(script);
      assertEquals([code, stderr], [0, ""]);
      const [digest, answer] = stdout.trim().split("\n");
      assertMatch(digest!, /^sha256:[0-9a-f]{64}$/);
      assertEquals(JSON.parse(answer!).digest, digest);
      const puts = asked().filter((each) => /^PUT .*\/manifests\//.test(each));
      assertEquals(puts.length, 2);
      assertMatch(puts[0]!, new RegExp(`/custom-prefix-${digest!.slice(7)}/manifests/latest$`));
      const { mode } = await Deno.stat(`${cwd}/chainloop.json`);
      if (Deno.build.os !== "windows") assertEquals(mode! & 0o777, 0o600);
    });
  });
}

Deno.test("examples: chainloop, a comment behind a backslash ends the command, and it says so", async () => {
  const { host, block, preset } = BLOCKS["GitHub packages"]!;
  await withShell(preset, "you", async ({ bash, host: here }) => {
    const asItStands = block.replace(/^\$ /, "").replace(host, here);
    const { stdout, stderr } = await bash(asItStands);
    assertEquals(stdout, "");
    assertMatch(
      stderr,
      /missing --opt: repository, username, password\nno --opt was given: a comment/,
    );
  });
});

const TABLE = `|Field|Type|Required|Description|
|---|---|---|---|
|password|string|yes|OCI repository password|
|repository|string|yes|OCI repository uri and path|
|username|string|yes|OCI repository username|
`;

const refused: [title: string, args: string, said: RegExp][] = [
  ["an unknown key", "--opt a=b", /^unknown --opt: a\n\n\|Field\|/],
  ["a missing key", "--opt username=x", /^missing --opt: repository, password\n\n\|Field\|/],
  ["an empty value", "--opt username=", /^--opt username is empty\n\n\|Field\|/],
  ["a key without a value", "--opt username", /^--opt username is empty/],
  ["a key given twice", "--opt=username=x --opt username=y", /^--opt username is there twice/],
  ["an option without its value", "--opt", /^--opt needs a value/],
  ["an unknown option", "--force", /^unknown option: --force/],
  ["a format that is none", "-o yaml", /^-o is table or json: yaml/],
];

Deno.test("examples: chainloop, what is refused ends with 2 and the schema's table", async (t) => {
  await withShell("ghcr", "you", async ({ bash, asked }) => {
    const add = "chainloop integration registered add";
    for (const [title, args, said] of refused) {
      await t.step(title, async () => {
        const { code, stdout, stderr } = await bash(`${add} oci-registry ${args}`);
        assertEquals([code, stdout], [2, ""]);
        assertMatch(stderr, said);
        if (stderr.includes("|")) assert(stderr.endsWith(TABLE), stderr);
      });
    }
    await t.step("an unknown key of an attachment", async () => {
      const args = "--workflow w --integration none --opt prefx=a";
      const { code, stderr } = await bash(`chainloop integration attached add ${args}`);
      assertEquals(code, 2);
      assertMatch(stderr, /^unknown --opt: prefx\n\n\|Field\|[^]*\n\|prefix\|string\|no\|/);
    });
    await t.step("another extension, an unknown id, a missing option", async () => {
      const { stderr } = await bash(`${add} dependency-track --opt a=b; echo $? >&2
chainloop integration attached add --workflow w --integration none; echo $? >&2
chainloop integration attached add --workflow w; echo $? >&2
chainloop attestation push --attachment none; echo $? >&2
chainloop nothing; echo $? >&2`);
      assertMatch(
        stderr,
        /^unknown extension: dependency-track; there is oci-registry\n2\nthere is no integration none\n2\n--integration is missing\n2\nthere is no attachment none\n2\nusage: chainloop COMMAND\n[^]*\n2\n$/,
      );
    });
    assertEquals(asked(), []);
  });
});

Deno.test("examples: chainloop, the password from standard input, a name, and a state elsewhere", async () => {
  await withShell("ghcr", "you", async ({ bash, cwd, host }) => {
    const opts = `--opt repository=${host}/you --opt=username=you`;
    const add = `chainloop integration registered add oci-registry ${opts} --state my.json`;
    const { code, stdout, stderr } = await bash(
      `${add} --password-stdin --name mine < service-account.json`,
    );
    assertEquals([code, stderr], [0, ""]);
    assertMatch(
      stdout,
      /^id {10}[0-9a-f-]{36}\nname {8}mine\nkind {8}oci-registry\nrepository {2}/,
    );
    const { registrations } = JSON.parse(await Deno.readTextFile(`${cwd}/my.json`));
    assertEquals(Object.values<{ password: string }>(registrations)[0]!.password, PASSWORD);
    const both = await bash(`${add} --opt password=x --password-stdin < service-account.json`);
    assertEquals(both.code, 2);
    assertMatch(both.stderr, /^--opt password is there twice/);
    assertEquals((await bash(`${add} --password-stdin < /dev/null`)).code, 2);
    const wrong = await bash(`echo another | ${add} --password-stdin`);
    assertEquals(wrong.code, 1);
    assertMatch(wrong.stderr, /^the provided credentials don't have write permissions: Cannot /);
  });
});

Deno.test("examples: chainloop describes the extension by its page's two tables", async () => {
  await withShell("ghcr", "you", async ({ bash }) => {
    const { code, stdout } = await bash("chainloop integration available describe oci-registry");
    assertEquals(code, 0);
    assert(stdout.includes(`Registration Input Schema\n\n${TABLE}`), stdout);
    assert(stdout.endsWith(`Attachment Input Schema

|Field|Type|Required|Description|
|---|---|---|---|
|prefix|string|no|OCI images name prefix (default chainloop)|
`));
  });
});
