import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { inFolder } from "../scripts/temp_folder.ts";
import { createRegistry, type RegistryOptions, serve } from "../server/mod.ts";
import { fakeRun } from "./fake_io_test.ts";
import { withRegistry } from "./served_test.ts";

const USERS = { users: { me: "a 5ecret" } };
const BASIC: RegistryOptions = { auth: { basic: USERS } };
const BEARER: RegistryOptions = { auth: { bearer: USERS } };

for (const [way, options] of Object.entries({ basic: BASIC, bearer: BEARER })) {
  Deno.test(`davit login and logout: ${way}`, () =>
    inFolder((folder) => {
      const registry = createRegistry(options);
      return withRegistry(registry, async (host) => {
        const env = { DOCKER_CONFIG: folder };
        const before = await fakeRun(["ls", `${host}/app`], { env });
        assertEquals(before.code, 4);
        assertMatch(before.stderr, /^davit: .*401/);
        assertStringIncludes(before.stderr, `Hint: davit login ${host} tries credentials`);

        const args = ["login", host, "-u", "me", "--password-stdin"];
        const wrong = await fakeRun(args, { env, stdin: "another 5ecret\n" });
        assertEquals([wrong.code, wrong.stdout], [4, ""]);
        assertEquals(wrong.stderr.includes("another"), false);
        assertEquals((await fakeRun(args, { env, stdin: "\n" })).code, 2);
        assertEquals((await fakeRun(["ls", `${host}/app`], { env })).code, 4, "nothing is kept");

        // PowerShell puts U+FEFF first, or a question mark for it.
        for (const stdin of ["a 5ecret", "a 5ecret\r\n", "\uFEFFa 5ecret\n", "?a 5ecret\n"]) {
          assertEquals(await fakeRun(args, { env, stdin }), {
            code: 0,
            stdout: `logged in to ${host} as me\n`,
            stderr: "",
          });
        }
        assertEquals((await fakeRun(["ls", `${host}/app`], { env })).stdout, "v1\n");
        const json = await fakeRun([...args, "--json"], { env, stdin: "a 5ecret" });
        assertEquals(JSON.parse(json.stdout), { registry: host, username: "me" });

        // Source and target are one connection: one token to pull, and one to push.
        const noted = registry.requests.length;
        const copied = await fakeRun(["copy", `${host}/app:v1`, `${host}/app:v2`, "-q"], { env });
        assertEquals(copied.code, 0, copied.stderr);
        const tokens = registry.requests.slice(noted).filter(({ path }) =>
          path.startsWith("/token")
        );
        assertEquals(tokens.length, way === "bearer" ? 2 : 0);

        assertEquals((await fakeRun(["logout", host], { env })).stdout, `logged out of ${host}\n`);
        assertEquals((await fakeRun(["ls", `${host}/app`], { env })).code, 4);
      });
    }));
}

const NO_REGISTRIES: [status: number, exit: number, said: string][] = [
  [200, 1, "answered 200 with text/html, a web page: of a proxy, a portal or a login"],
  [404, 3, "404 Welcome (answered by"],
];
for (const [status, exit, said] of NO_REGISTRIES) {
  Deno.test(`davit login: a web server that answers ${status} is no registry`, () =>
    inFolder(async (folder) => {
      const headers = { "content-type": "text/html" };
      const page = "<!doctype html><title>Welcome</title>";
      const server = await serve({
        fetch: () => Promise.resolve(new Response(page, { status, headers })),
      });
      try {
        const args = ["login", server.url, "-u", "me", "--password-stdin"];
        const env = { DOCKER_CONFIG: folder };
        const { code, stderr } = await fakeRun(args, { env, stdin: "5ecret" });
        assertEquals(code, exit, stderr);
        assertStringIncludes(stderr, said);
        assertEquals(await Array.fromAsync(Deno.readDir(folder)), [], "nothing is kept");
      } finally {
        await server.close();
      }
    }));
}

Deno.test("davit login: what could not be tried is not kept, and --token-service lets it be", () =>
  inFolder(async (folder) => {
    const sent: (string | null)[] = [];
    let realm = "";
    const server = await serve({
      fetch(request) {
        const authorization = request.headers.get("authorization");
        if (new URL(request.url).pathname === "/token") {
          sent.push(authorization);
          return Promise.resolve(Response.json({ token: "a-token" }));
        }
        const taken = authorization === "Bearer a-token";
        return Promise.resolve(
          new Response("{}", {
            status: taken ? 200 : 401,
            headers: { "www-authenticate": `Bearer realm="${realm}",service="a"` },
          }),
        );
      },
    });
    try {
      const { host, port } = new URL(server.url);
      realm = `http://localhost:${port}/token`;
      const args = ["login", host, "-u", "me", "--password-stdin"];
      const env = { DOCKER_CONFIG: folder };
      const refused = await fakeRun(args, { env, stdin: "5ecret" });
      assertEquals([refused.code, refused.stdout, sent], [4, "", [null]]);
      assertMatch(
        refused.stderr,
        /^davit: Cannot log in to [^\n]+; --token-service http:\/\/localhost:\d+ allows it\n$/,
      );
      assertEquals(await Array.fromAsync(Deno.readDir(folder)), [], "nothing is kept");

      const service = ["--token-service", `http://localhost:${port}`];
      const kept = await fakeRun([...args, ...service], { env, stdin: "5ecret" });
      assertEquals([kept.code, kept.stderr, sent.at(-1)], [0, "", `Basic ${btoa("me:5ecret")}`]);
      const asked = await fakeRun(["ls", `${host}/app`], { env });
      assertMatch(
        asked.stderr,
        /^credentials were not sent .*; --token-service http:\S+ allows it/,
      );
    } finally {
      await server.close();
    }
  }));

Deno.test("davit login: a password for another registry does not go to Docker Hub", async () => {
  for (const name of ["ghcr", "you/app", "https://ghcr/v2/", ""]) {
    const args = ["login", name, "-u", "me", "--password-stdin"];
    const ran = await fakeRun(args, { stdin: "5ecret" });
    assertEquals([ran.code, ran.stdout], [2, ""]);
    assertMatch(ran.stderr, /^davit: Cannot use ".*" as a registry: it is no host, /);
  }
});

Deno.test("davit login: a registry by each of its names", () =>
  inFolder(async (folder) => {
    await withRegistry(createRegistry(), async (host) => {
      for (const name of [host, `${host}/`, `http://${host}/v2/`, `http://${host}/v1/`]) {
        const args = ["login", name, "-u", "me", "--password-stdin"];
        const env = { DOCKER_CONFIG: folder };
        const ran = await fakeRun(args, { env, stdin: "5ecret" });
        assertEquals(ran.stdout, `logged in to ${host} as me\n`, ran.stderr);
        assertEquals(await fakeRun(["logout", name], { env }), {
          code: 0,
          stdout: `logged out of ${host}\n`,
          stderr: "",
        });
        const auth = { username: "me", password: "5ecret" };
        const more = { ...env, DOCKER_AUTH_CONFIG: JSON.stringify({ auths: { [host]: auth } }) };
        const left = await fakeRun(["logout", name], { env: more });
        assertMatch(left.stderr, /^credentials for \S+ are still found: /);
      }
    });
  }));
