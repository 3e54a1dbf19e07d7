/** Chainloop's contract: the providers of its page, each against the registry's own habits. */
import { assertEquals, assertRejects } from "@std/assert";
import { ensureEcrRepository } from "@davit/registry-client/auth";
import { ChainloopError, register } from "@davit/registry-client/chainloop";
import { createTestRegistry, type PresetName } from "@davit/registry-client/testing";
import { emulateAws } from "../providers/emulated_aws.ts";
import { utf8 } from "./sample.ts";

const ENVELOPE = { payloadType: "t", payload: "cA==", signatures: [{ sig: "cw==" }] };

interface Provider {
  preset: PresetName;
  repository: string;
  username: string;
  password: string;
}

const providers: Record<string, Provider> = {
  "Google Artifact Registry": {
    preset: "gar",
    repository: "us-east1-docker.pkg.dev/my-project/chainloop-cas-devel",
    username: "_json_key",
    password: '{"type": "service_account",\n "private_key": "a=b,c\\n"}',
  },
  "GitHub packages": {
    preset: "ghcr",
    repository: "ghcr.io/chainloop-dev/chainloop-cas",
    username: "you",
    password: "a personal access token",
  },
  "DockerHub": {
    preset: "dockerHub",
    repository: "index.docker.io/you",
    username: "you",
    password: "a personal access token",
  },
};

for (const [title, { preset, repository, username, password }] of Object.entries(providers)) {
  Deno.test(`${title}: registers, sends and reads`, async () => {
    const users = { [username]: password };
    const { fetch, requests } = createTestRegistry({ preset, auth: { bearer: { users } } });
    const registration = await register({ repository, username, password }, { fetch });
    const attachment = registration.attach();
    const { artifact } = await attachment.send(ENVELOPE);
    assertEquals(await attachment.exists(artifact.digest), true);
    assertEquals(await attachment.describe(artifact.digest), artifact);
    const stream = await attachment.download(artifact.digest);
    assertEquals((await new Response(stream).json()).payload, "cA==");
    const [, ...path] = repository.split("/");
    const name = [...path, `chainloop-${artifact.digest}`].join("/");
    const put = requests.find(({ method, path }) => method === "PUT" && /manifests/.test(path));
    assertEquals(put?.path, `/v2/${name}/manifests/latest`);
  });

  Deno.test(`${title}: another password is refused`, async () => {
    const users = { [username]: "another one, and a long one" };
    const { fetch } = createTestRegistry({ preset, auth: { bearer: { users } } });
    const error = await assertRejects(
      () => register({ repository, username, password }, { fetch }),
      ChainloopError,
    );
    assertEquals(error.code, "NO_WRITE_PERMISSION");
  });
}

const ECR = "123456789012.dkr.ecr.eu-central-1.amazonaws.com";
const AWS = {
  accessKeyId: "AKIDEXAMPLE",
  secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
  password: "twelve hours long",
};

/** Amazon's registry, where repositories must be there before, and the API that makes them. */
function amazon() {
  const repositories = new Set<string>();
  const api = emulateAws(AWS, repositories);
  const users = { AWS: AWS.password };
  const registry = createTestRegistry({
    preset: "ecr",
    auth: { basic: { users } },
    middleware: [(next) => async (context) => {
      const [, name] = /^\/v2\/(.+?)\/(?:blobs|manifests)\//.exec(context.url.pathname) ?? [];
      if (name === undefined || repositories.has(name)) return await next(context);
      return Response.json({ errors: [{ code: "NAME_UNKNOWN" }] }, { status: 404 });
    }],
  });
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const request = new Request(input, init);
    const isApi = new URL(request.url).host.startsWith("api.ecr.");
    return await (isApi ? api(request) : registry.fetch(request));
  };
  return { repositories, fetch };
}

const REQUEST = { repository: `${ECR}/cas`, username: "AWS", password: AWS.password };

Deno.test("AWS, which Chainloop does not support: each repository is made when it is missed", async () => {
  const { repositories, fetch } = amazon();
  const onMissingRepository = (name: string) =>
    ensureEcrRepository(name, { credentials: AWS, fetch });
  const registration = await register(REQUEST, { fetch, onMissingRepository });
  const attachment = registration.attach();
  const { artifact } = await attachment.send(ENVELOPE);
  assertEquals(await attachment.describe(artifact.digest), artifact);
  assertEquals([...repositories], ["cas/chainloop-test", `cas/chainloop-${artifact.digest}`]);
});

Deno.test("AWS: without it the write check says what is missing", async () => {
  const { fetch } = amazon();
  const error = await assertRejects(() => register(REQUEST, { fetch }), ChainloopError);
  assertEquals((error.cause as { codes: string[] }).codes, ["NAME_UNKNOWN"]);
});

Deno.test("AWS: a tag an artifact needs the one repository that is there", async () => {
  const { repositories, fetch } = amazon();
  repositories.add("cas");
  const attachment = (await register(REQUEST, { fetch, layout: "tag" })).attach();
  for (const text of ["one", "two"]) {
    const { artifact } = await attachment.upload(utf8(text), { fileName: text });
    assertEquals(await attachment.describe(artifact.digest), artifact);
  }
  assertEquals([...repositories], ["cas"]);
});
