import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import {
  AuthenticationError,
  type DavitEvent,
  HttpError,
  RegistryClientV2,
  UnauthorizedError,
} from "../../mod.ts";
import { requirePeers } from "../peers/locate.ts";
import { CREDENTIALS, type Registry, startRegistry } from "../peers/registries.ts";
import {
  clientOptions,
  type OnRegistry,
  type RegistryCase,
  testRegistries,
} from "./on_registries.ts";
import { NOWHERE, pushArtifact, randomBytes, text } from "./samples.ts";

/** How many tokens were asked for so far: as the service counted, or where there is none, davit. */
function tokenRequests({ registry, events }: OnRegistry): number {
  const told = events.filter(({ type }) => type === "token").length;
  if (registry.tokens !== undefined) assertEquals(registry.tokens.requests.length, told);
  return told;
}

const CASES: RegistryCase[] = [
  ["end-1 GET /v2/: 200, or 401 with a challenge; no credentials go along", async (on) => {
    const client = on.stranger();
    const resp = await client.ping();
    assertEquals(resp.status, on.auth === "none" ? 200 : 401);
    const challenge = resp.headers.get("www-authenticate")?.split(" ")[0]?.toLowerCase();
    assertEquals(challenge, on.auth === "none" ? undefined : on.auth);
    const errors = await resp.dockerErrors();
    assertEquals(errors.map(({ code }) => code), on.auth === "none" ? [] : ["UNAUTHORIZED"]);
    assertEquals(await client.supportsV2(), true);
  }],
  ["end-1 GET /v2/: a status that is not expected is an error", async (on) => {
    const error = await assertRejects(
      () => on.stranger().ping({ expectStatus: [418] }),
      HttpError,
      `Cannot ping ${on.registry.origin}`,
    );
    assertEquals(error.statusCode, on.auth === "none" ? 200 : 401);
  }],
  ["performLogin answers how", async (on) => {
    const client = on.stranger();
    const info = await client.performLogin();
    switch (info.type) {
      case "None":
        assertEquals(on.auth, "none");
        break;
      case "Basic":
        assertEquals(on.auth, "basic");
        assertEquals(info, { type: "Basic", ...CREDENTIALS });
        break;
      case "Bearer": {
        assertEquals(on.auth, "bearer");
        // The token is one that the registry takes, given as such.
        const { credentials: _, ...withToken } = clientOptions(on.registry);
        const { token } = info;
        const other = new RegistryClientV2({ ...withToken, repo: client.repo, token });
        const { size } = await other.putBlob(text("by token"));
        assertEquals(size, 8);
        break;
      }
    }
  }],
  ["login beforehand: nothing is refused afterwards", async (on) => {
    const client = on.stranger();
    await client.login();
    await client.putBlob(randomBytes(10));
    await client.listReferrers({ digest: NOWHERE }).catch(() => {});
    assertEquals(on.sent(client).filter((sent) => sent.endsWith(" 401")), []);
  }],
  ["performLogin with a ping's response and a scope of its own asks no more", async (on) => {
    const client = on.stranger();
    const pingRes = await client.ping();
    const before = on.events.length;
    const scope = `repository:${client.repo.remoteName}:pull`;
    await client.performLogin({ pingRes, scope });
    const asked = on.events.slice(before).filter(({ type }) => type === "request");
    // A password is tried: by the token service, or else by the registry.
    assertEquals(asked.length, on.auth === "none" ? 0 : 1);
    const tokens = on.events.slice(before).filter((event) => event.type === "token");
    assertEquals(tokens.map(({ scopes }) => scopes), on.auth === "bearer" ? [[scope]] : []);
  }],
  ["one token serves many calls, and many at once", async (on) => {
    const before = tokenRequests(on);
    const client = on.stranger();
    await Promise.all(Array.from({ length: 20 }, () => client.putBlob(randomBytes(10))));
    const { digest } = await pushArtifact(client, { tag: "latest" });
    await client.getManifest({ ref: "latest" });
    await client.headManifest({ ref: digest });
    await client.listTags();
    await client.listReferrers({ digest });
    assertEquals(tokenRequests(on) - before, on.auth === "bearer" ? 1 : 0);
    // Another repository is another scope, and deleting another action; each once.
    const other = client.withRepo(`${client.repo.remoteName}-other`);
    await pushArtifact(other);
    await pushArtifact(other);
    assertEquals(tokenRequests(on) - before, on.auth === "bearer" ? 2 : 0);
    await other.deleteManifest({ ref: (await pushArtifact(other)).digest });
    await other.deleteManifest({ ref: (await pushArtifact(other)).digest });
    assertEquals(tokenRequests(on) - before, on.auth === "bearer" ? 3 : 0);
  }],
  ["without scopes a client that pulls first asks again when it pushes", async (on) => {
    const before = tokenRequests(on);
    const client = on.stranger({ scopes: [] });
    await client.listTags().catch(() => {});
    await client.putBlob(randomBytes(10));
    await client.listTags().catch(() => {});
    assertEquals(tokenRequests(on) - before, on.auth === "bearer" ? 2 : 0);
  }],
  [
    "wrong credentials: a typed error with its codes; where nobody asks, they stay here",
    async (on) => {
      const credentials = { ...CREDENTIALS, password: "wrong" };
      if (on.auth === "none") {
        let requests = 0;
        const client = on.stranger({
          credentials,
          fetch: (input, init) => {
            requests++;
            assertEquals(new Headers(init?.headers).has("authorization"), false);
            return (on.registry.fetch ?? fetch)(input, init);
          },
        });
        await client.putBlob(text("hello"));
        assert(requests > 1);
        return;
      }
      const client = on.stranger({ credentials });
      const calls = [
        () => client.listTags(),
        () => client.getManifest({ ref: "latest" }),
        () => client.getBlob(NOWHERE),
        () => client.startBlobUpload(),
      ];
      for (const call of calls) {
        if (on.auth === "basic") {
          const error = await assertRejects(call, UnauthorizedError);
          assertEquals([error.code, error.statusCode], ["UNAUTHORIZED", 401]);
          assertEquals(error.codes, ["UNAUTHORIZED"]);
          assertStringIncludes(error.message, `${on.registry.host}/${client.repo.remoteName}`);
        } else {
          const error = await assertRejects(call, AuthenticationError, "Cannot get a token from");
          assertEquals(error.code, "UNAUTHORIZED");
          assertEquals(error.statusCode, on.kind === "olareg" ? 403 : 401);
          assertStringIncludes(error.message, ` for ${on.registry.host} (repository:`);
        }
      }
    },
  ],
  ["login proves a wrong password, by whoever knows passwords", async (on) => {
    const { username } = CREDENTIALS;
    const wrong = on.stranger({ credentials: { username, password: "wrong-5ecret" } });
    for (const call of [() => wrong.login(), () => wrong.performLogin()]) {
      if (on.auth === "none") {
        await call(); // nobody asks for it
        continue;
      }
      const error = await assertRejects(call, Error);
      assertEquals((error as Error & { code?: string }).code, "UNAUTHORIZED");
      assertStringIncludes(error.message, on.registry.host);
      assertStringIncludes(error.message, `(the password of ${username} was refused)`);
      assert(!error.message.includes("5ecret"), error.message);
    }
    await on.stranger().login();
  }],
  ["no credentials: UnauthorizedError and nothing stored, where they are asked for", async (on) => {
    const client = on.stranger({ credentials: {} });
    const bytes = randomBytes(10);
    if (on.auth === "none") {
      const { digest } = await client.putBlob(bytes);
      assertEquals(await (await client.getBlob(digest)).bytes(), bytes);
      return;
    }
    const error = await assertRejects(() => client.listTags(), UnauthorizedError);
    assertEquals([error.code, error.codes], ["UNAUTHORIZED", ["UNAUTHORIZED"]]);
    assertStringIncludes(error.message, `Cannot list the tags of ${on.registry.host}/tests/case-`);
    assertStringIncludes(error.message, "(no credentials were given)");
    await assertRejects(() => client.putBlob(bytes), UnauthorizedError);
    const known = on.stranger({ repo: client.repo });
    const { digest } = await known.putBlob(bytes);
    assertEquals(on.sent(known).includes("HEAD 404"), true);
    assertEquals(await (await known.getBlob(digest)).bytes(), bytes);
  }],
  ["withRepo: another repository over the same connection and tokens", async (on) => {
    const client = on.client();
    const other = client.withRepo("tests/with-repo");
    assertEquals(other.repo.remoteName, "tests/with-repo");
    assertEquals(other.origin, client.origin);
    await other.putBlob(text("here"));
    other.close(); // without a `client` of the caller's there is nothing to close
    await client.putBlob(text("there"));
    await other.putBlob(text("here again"));
  }],
  ["the client's signal ends its calls", async (on) => {
    const controller = new AbortController();
    const client = on.stranger({ signal: controller.signal });
    await client.putBlob(text("before"));
    const reason = new Error("enough");
    controller.abort(reason);
    assertEquals(await client.putBlob(text("after")).catch((error) => error), reason);
    assertEquals(await client.ping().catch((error) => error), reason);
  }],
];

testRegistries("login", CASES, undefined, { everyWay: true });

/** A case on distribution with a token service of a certain kind. */
function tokenTest(
  name: string,
  tokens: Parameters<typeof startRegistry>[1] & object,
  run: (registry: Registry) => Promise<void>,
): void {
  Deno.test({
    ...requirePeers("distribution"),
    name: `login on distribution, bearer: ${name}`,
    fn: async () => {
      const registry = await startRegistry("distribution", { auth: "bearer", ...tokens });
      try {
        await run(registry);
      } finally {
        await registry.stop();
      }
    },
  });
}

for (const field of ["token", "access_token"] as const) {
  tokenTest(`a token service that answers ${field} alone`, { tokens: { field } }, async (at) => {
    const client = new RegistryClientV2({ ...clientOptions(at), name: `${at.origin}/a/b` });
    await pushArtifact(client);
    assertEquals(at.tokens!.requests.map(({ method, grant }) => [method, grant]), [
      ["GET", "basic"],
    ]);
  });
}

tokenTest("an identity token, by OAuth2's POST", {}, async (registry) => {
  const { realm, service, requests } = registry.tokens!;
  const { username, password } = CREDENTIALS;
  const form = { grant_type: "password", client_id: "tests", access_type: "offline", service };
  const body = new URLSearchParams({ ...form, username, password });
  const answer = await (await fetch(realm, { method: "POST", body })).json();
  requests.length = 0;

  const client = new RegistryClientV2({
    ...clientOptions(registry),
    name: `${registry.origin}/a/b`,
    credentials: { refreshToken: answer.refresh_token },
  });
  await pushArtifact(client);
  assertEquals(requests.map(({ method, grant, user, scopes }) => [method, grant, user, scopes]), [
    ["POST", "refresh_token", username, ["repository:a/b:pull,push"]],
  ]);
});

tokenTest("a token service on another host gets no password unasked", {}, async (registry) => {
  const events: DavitEvent[] = [];
  const { trustedRealms: _, ...options } = clientOptions(registry);
  const client = new RegistryClientV2({
    ...options,
    name: `${registry.origin}/a/b`,
    onEvent: (event) => events.push(event),
  });
  await assertRejects(() => client.listTags(), UnauthorizedError);
  assertEquals(registry.tokens!.requests.map(({ grant }) => grant), ["anonymous"]);
  const withheld = events.filter((event) => event.type === "credentials-withheld");
  assertEquals(withheld.length, 1);
  assertStringIncludes(withheld[0]!.reason, "trustedRealms");
});

tokenTest("a user who may only pull: pushing is refused, after one token", {
  tokens: { grant: (_user, { actions }) => actions.filter((action) => action === "pull") },
}, async (registry) => {
  const { origin, tokens } = registry;
  const client = new RegistryClientV2({ ...clientOptions(registry), name: `${origin}/a/b` });
  const error = await assertRejects(() => client.startBlobUpload(), UnauthorizedError);
  assertEquals(error.codes, ["UNAUTHORIZED"]);
  assertEquals(tokens!.requests.length, 1);
  await assertRejects(() => client.listTags(), HttpError, "NAME_UNKNOWN");
});
