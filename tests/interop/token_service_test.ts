/**
 * The token service of the embedded server beside distribution 3, which knows its public key alone:
 * by a JWKS, and by a certificate. crane and davit log in, push and pull; what a token is not for
 * stays shut.
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { RegistryApiError, RegistryClientV2 } from "../../mod.ts";
import { tempFolder } from "../../scripts/temp_folder.ts";
import { createTokenKey, serve, tokenKeySet, tokenService } from "../../server/mod.ts";
import { type Certificate, selfSigned } from "../peers/certificate.ts";
import { withClient } from "../peers/clients.ts";
import { requirePeers } from "../peers/locate.ts";
import { type Registry, startRegistry } from "../peers/registries.ts";
import { writeSampleLayout } from "../peers/sample_layout.ts";

const SERVICE = "davit interop";
const ISSUER = "davit";

const users = {
  admin: "pä:ss word",
  reader: { password: "r", actions: ["pull"] },
  stranger: { password: "s", repositories: ["elsewhere/*"] },
} as const;

const certificate = await selfSigned();
const certificateWithZero = await startingWithZero();
const jwk = await createTokenKey();

/** How distribution is told whose tokens it may believe. */
const TRUST: Record<string, {
  key: Parameters<typeof tokenKeySet>[0];
  certificates?: string;
  option: string;
  text: () => Promise<string> | string;
}> = {
  "a JWKS": {
    key: jwk,
    option: "jwks",
    text: async () => JSON.stringify(await tokenKeySet(jwk)),
  },
  "the certificate of the key": {
    key: certificate.keyPem,
    option: "rootcertbundle",
    text: () => certificate.pem,
  },
  "the certificate of a key whose x starts with a zero": {
    key: certificateWithZero.keyPem,
    option: "rootcertbundle",
    text: () => certificateWithZero.pem,
  },
  "a certificate that tokens bring along": {
    key: certificate.keyPem,
    certificates: certificate.pem,
    option: "rootcertbundle",
    text: () => certificate.pem,
  },
};

/** One key in 256: distribution leaves that zero out where it names the key. */
async function startingWithZero(): Promise<Certificate> {
  for (;;) {
    const made = await selfSigned();
    const { x } = await crypto.subtle.exportKey("jwk", made.keys.publicKey);
    if (/^A[A-P]/.test(x!)) return made; // in base64
  }
}

interface World {
  registry: Registry;
  /** Where tokens are. */
  realm: string;
  /** How often somebody asked for a token by GET and by POST. */
  asked: string[];
}

/** Distribution with a token service of ours. */
async function withDistribution(
  trust: string,
  run: (world: World) => Promise<void>,
): Promise<void> {
  const { key, certificates, option, text } = TRUST[trust]!;
  const folder = await Deno.makeTempDir({ prefix: "davit_tokens_" });
  const asked: string[] = [];
  const answer = tokenService({
    ...{ key, users, service: SERVICE, issuer: ISSUER },
    anonymous: { actions: ["pull"], repositories: ["public/*"] },
    ...(certificates !== undefined && { certificates }),
    onError: (error) => {
      throw error;
    },
  });
  const tokens = await serve({
    fetch: (request) => {
      asked.push(request.method);
      return answer(request);
    },
  });
  await Deno.writeTextFile(`${folder}/trusted`, await text());
  const token = {
    // By name: crane refuses a realm at a private address that is not the registry's own.
    realm: `http://localhost:${tokens.port}/token`,
    service: SERVICE,
    issuer: ISSUER,
    [option]: `${folder}/trusted`,
  };
  let registry: Registry | undefined;
  try {
    registry = await startRegistry("distribution", { config: { auth: { token } } });
    await run({ registry, realm: token.realm, asked });
  } finally {
    await registry?.stop();
    await tokens.close();
    await Deno.remove(folder, { recursive: true });
  }
}

function target({ registry }: World, username: keyof typeof users) {
  const user = users[username];
  const password = typeof user === "string" ? user : user.password;
  return { host: registry.host, credentials: { username, password } };
}

function davit(world: World, name: string, username?: keyof typeof users): RegistryClientV2 {
  const { registry, realm } = world;
  const credentials = username && target(world, username).credentials;
  return new RegistryClientV2({
    name: `${registry.origin}/${name}`,
    scopes: ["pull", "push"],
    // Otherwise no password would go to another host than the registry's own.
    trustedRealms: { [registry.host]: new URL(realm).origin },
    ...credentials,
  });
}

for (const trust of Object.keys(TRUST)) {
  Deno.test({
    ...requirePeers("distribution", "crane"),
    name: `distribution 3 takes tokens, by ${trust}`,
    fn: () =>
      withDistribution(trust, async (world) => {
        await using temp = await tempFolder();
        const folder = temp.path;
        const { index } = await writeSampleLayout(`${folder}/sample`);
        await withClient("crane", target(world, "admin"), async (client) => {
          const admin = target(world, "admin");
          await client.push(admin, `${folder}/sample`, "public/app:v1");
          assertEquals(await client.digest(admin, "public/app:v1"), index.digest);
          await client.pull(admin, "public/app:v1", `${folder}/pulled`);
          assertEquals(await client.tags(admin, "public/app"), ["v1"]);
          const listed = await client.run(["catalog", "--insecure", world.registry.host]);
          assertEquals([listed.code, listed.stdout.trim()], [0, "public/app"], listed.stderr);
        });
        assert(world.asked.length > 0, "somebody asked for a token");
        await withClient("crane", target(world, "reader"), async (client) => {
          const reader = target(world, "reader");
          assertEquals(await client.digest(reader, "public/app:v1"), index.digest);
          await assertRejects(
            () => client.push(reader, `${folder}/sample`, "public/app:v2"),
            Error,
          );
          assertEquals(await client.tags(reader, "public/app"), ["v1"]);
        });
        await withClient("crane", target(world, "stranger"), async (client) => {
          const stranger = target(world, "stranger");
          await client.push(stranger, `${folder}/sample`, "elsewhere/app:v1");
          await assertRejects(() => client.digest(stranger, "public/app:v1"), Error);
          await assertRejects(() => client.tags(stranger, "public/app"), Error);
        });
        await withClient("crane", { host: world.registry.host }, async (client) => {
          const nobody = { host: world.registry.host };
          assertEquals(await client.digest(nobody, "public/app:v1"), index.digest);
          await assertRejects(() => client.digest(nobody, "elsewhere/app:v1"), Error);
        });
      }),
  });
}

Deno.test({
  ...requirePeers("distribution"),
  name: "distribution 3 and davit's own client, by password and anonymously",
  fn: () =>
    withDistribution("a JWKS", async (world) => {
      const { digest } = await davit(world, "public/own", "admin").putBlob(
        new TextEncoder().encode("hello"),
      );
      for (const user of ["admin", "reader", undefined] as const) {
        const blob = await davit(world, "public/own", user).getBlob(digest);
        assertEquals(await blob.text(), "hello");
      }
      await assertRejects(
        async () => await (await davit(world, "public/own", "stranger").getBlob(digest)).text(),
        RegistryApiError,
      );
    }),
});

Deno.test({
  ...requirePeers("distribution"),
  name: "distribution 3 refuses tokens of another key, issuer, service or kind",
  fn: () =>
    withDistribution("a JWKS", async ({ registry }) => {
      const right = { key: jwk, users, service: SERVICE, issuer: ISSUER };
      const cases: [title: string, options: Parameters<typeof tokenService>[0], status: number][] =
        [
          ["the right one", right, 200],
          ["another key", { ...right, key: await createTokenKey() }, 401],
          ["another issuer", { ...right, issuer: "other" }, 401],
          ["another service", { ...right, service: "other" }, 401],
          // It allows a minute, and nothing beyond.
          ["a token that has ended", { ...right, now: () => Date.now() - 3_600_000 }, 401],
          ["a token of later", { ...right, now: () => Date.now() + 3_600_000 }, 401],
        ];
      const ask = async (token: string) => {
        const headers = { authorization: `Bearer ${token}` };
        const response = await fetch(`${registry.origin}/v2/`, { headers });
        await response.body?.cancel();
        return response.status;
      };
      const headers = { authorization: `Basic ${btoa("reader:r")}` };
      const request = () => new Request("http://t.test/?offline_token=true", { headers });
      for (const [title, options, status] of cases) {
        const { token } = await (await tokenService(options)(request())).json();
        assertEquals(await ask(token), status, title);
      }
      const { refresh_token } = await (await tokenService(right)(request())).json();
      assertEquals(await ask(refresh_token), 401, "a refresh token");
    }),
});
