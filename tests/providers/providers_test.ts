/**
 * Every provider of credentials, end to end: the client pushes and pulls with what the provider got
 * from an emulation of its service, at the embedded server's likeness of its registry, which lets in
 * nobody else.
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  acrCredentials,
  type CredentialSource,
  ecrCredentials,
  ensureEcrRepository,
  firstCredentials,
  githubCredentials,
  gitlabCredentials,
  googleCredentials,
  harborCredentials,
  quayCredentials,
} from "../../auth/mod.ts";
import { type ApiError, NotFoundError, RegistryClientV2 } from "../../mod.ts";
import type { ObservedRequest } from "../../server/mod.ts";
import { randomBytes } from "../endpoints/samples.ts";
import { emulateAws } from "./emulated_aws.ts";
import { emulateAzure } from "./emulated_azure.ts";
import { emulateGoogle } from "./emulated_google.ts";
import { type Fetch, type Handler, type Lonely, pushAndPull, worldOf } from "./world.ts";

const SECRET = "hunter2-of-the-registry";
const AWS = {
  accessKeyId: "ASIAEXAMPLE",
  secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
  sessionToken: "session-token",
  password: SECRET,
};
const AWS_ENVIRONMENT = {
  AWS_ACCESS_KEY_ID: AWS.accessKeyId,
  AWS_SECRET_ACCESS_KEY: AWS.secretAccessKey,
  AWS_SESSION_TOKEN: AWS.sessionToken,
};
const google = await emulateGoogle(SECRET);
const GOOGLE_NAME = "europe-docker.pkg.dev/project/repository/app";
const KEY_JSON = JSON.stringify(google.key);

/** What a client says that a registry or its token service does not let in; Google answers 403. */
const REFUSALS = ["AUTHENTICATION_FAILED", "FORBIDDEN", "UNAUTHORIZED"];

/** What one provider is tried with. */
interface Case extends Lonely {
  /** A repository under the registry's public name. */
  name: string;
  /** The provider. */
  provider: (fetch: Fetch) => CredentialSource;
  /** What it has asked in the end: one login does for a push and a pull. */
  asked: string[];
}

const ACR = "you.azurecr.io";
const ECR_API = "api.ecr.eu-central-1.amazonaws.com";
const ECR_PUBLIC_API = "api.ecr-public.us-east-1.amazonaws.com";
const METADATA_URL =
  "GET metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/token";

const CASES: Record<string, Case> = {
  "ecrCredentials, private": {
    preset: "ecr",
    name: "123456789012.dkr.ecr.eu-central-1.amazonaws.com/app",
    user: "AWS",
    password: SECRET,
    provider: (fetch) => ecrCredentials({ fetch, environment: AWS_ENVIRONMENT }),
    services: { [ECR_API]: emulateAws(AWS) },
    asked: [`POST ${ECR_API}/`],
  },
  "ecrCredentials, public": {
    preset: "ecrPublic",
    name: "public.ecr.aws/you/app",
    user: "AWS",
    password: SECRET,
    provider: (fetch) => ecrCredentials({ fetch, credentials: () => Promise.resolve(AWS) }),
    services: { [ECR_PUBLIC_API]: emulateAws(AWS) },
    asked: [`POST ${ECR_PUBLIC_API}/`],
  },
  "googleCredentials, a key exchanged": {
    preset: "gar",
    name: GOOGLE_NAME,
    user: "oauth2accesstoken",
    password: SECRET,
    provider: (fetch) => googleCredentials({ fetch, key: google.key }),
    services: { "oauth2.googleapis.com": google.token },
    asked: ["POST oauth2.googleapis.com/token"],
  },
  "googleCredentials, the metadata server": {
    preset: "gar",
    name: "eu.gcr.io/project/app",
    user: "oauth2accesstoken",
    password: SECRET,
    provider: (fetch) => googleCredentials({ fetch, metadataServer: true }),
    services: { "metadata.google.internal": google.metadata },
    asked: [METADATA_URL],
  },
  "googleCredentials, _json_key": {
    preset: "gar",
    name: GOOGLE_NAME,
    user: "_json_key",
    password: KEY_JSON,
    provider: (fetch) => googleCredentials({ fetch, key: google.key, keyAs: "_json_key" }),
    asked: [],
  },
  "googleCredentials, _json_key_base64": {
    preset: "gar",
    name: GOOGLE_NAME,
    user: "_json_key_base64",
    password: btoa(KEY_JSON),
    provider: (fetch) => googleCredentials({ fetch, key: KEY_JSON, keyAs: "_json_key_base64" }),
    asked: [],
  },
  "acrCredentials, a service principal's password": {
    preset: "acr",
    name: `${ACR}/app`,
    user: "app-id",
    password: SECRET,
    provider: () =>
      acrCredentials({ servicePrincipal: { clientId: "app-id", clientSecret: SECRET } }),
    asked: [],
  },
  "githubCredentials": {
    preset: "ghcr",
    name: "ghcr.io/you/app",
    user: "you",
    password: SECRET,
    provider: () =>
      githubCredentials({ environment: { GITHUB_TOKEN: SECRET, GITHUB_ACTOR: "you" } }),
    asked: [],
  },
  "gitlabCredentials": {
    preset: "gitlab",
    name: "registry.gitlab.com/you/app",
    user: "gitlab-ci-token",
    password: SECRET,
    provider: () =>
      gitlabCredentials({
        environment: { CI_REGISTRY: "registry.gitlab.com", CI_JOB_TOKEN: SECRET },
      }),
    asked: [],
  },
  "quayCredentials": {
    preset: "quay",
    name: "quay.io/you/app",
    user: "you+ci",
    password: SECRET,
    provider: () => quayCredentials({ robot: "you+ci", token: SECRET }),
    asked: [],
  },
  "harborCredentials": {
    preset: "harbor",
    name: "harbor.example.com/project/app",
    user: "robot$project+ci",
    password: SECRET,
    provider: () =>
      harborCredentials({ host: "harbor.example.com", robot: "robot$project+ci", secret: SECRET }),
    asked: [],
  },
};

/** Nothing but the registry and its token service saw a password. */
function assertKept(requests: readonly ObservedRequest[]): void {
  const elsewhere = requests.filter(({ origin }) => origin.includes("elsewhere"));
  assertEquals(elsewhere.filter(({ headers }) => "authorization" in headers), []);
}

for (const [title, given] of Object.entries(CASES)) {
  const { name, provider, asked } = given;
  Deno.test(`${title}: a push and a pull, with one login`, async () => {
    const world = worldOf(given);
    const credentials = provider(world.fetch);
    await pushAndPull(() => new RegistryClientV2({ name, credentials, fetch: world.fetch }));
    assertEquals(world.asked, asked);
    assertKept(world.registry.requests);
  });

  Deno.test(`${title}: nobody else may do that`, async () => {
    const { fetch } = worldOf(given);
    const strangers = [undefined, { username: given.user, password: "a guess" }];
    for (const credentials of strangers) {
      const client = new RegistryClientV2({ name, fetch, ...(credentials && { credentials }) });
      const error = await assertRejects(() => client.putBlob(randomBytes(10)));
      assert(REFUSALS.includes((error as ApiError).code), `${error}`);
    }
  });

  Deno.test(`${title}: among other sources, which have nothing for this host`, async () => {
    const world = worldOf(given);
    const credentials = firstCredentials(
      ...Object.values(CASES).filter(({ preset }) => preset !== given.preset)
        .map((other) => other.provider(world.fetch)),
      provider(world.fetch),
    );
    const client = new RegistryClientV2({ name, credentials, fetch: world.fetch });
    await client.putBlob(randomBytes(10));
    assertEquals(world.asked, asked);
  });
}

const PRINCIPAL = { clientId: "app-id", clientSecret: "~client+secret" };
const TOKEN_USER = "00000000-0000-0000-0000-000000000000";

const AZURE: [
  title: string,
  provider: (fetch: Fetch, entraToken: string) => CredentialSource,
  asked: string[],
][] = [
  [
    "an Entra token",
    (fetch, entraToken) => acrCredentials({ fetch, entraToken }),
    [`POST ${ACR}/oauth2/exchange`],
  ],
  [
    "a service principal by Entra",
    (fetch) => acrCredentials({ fetch, servicePrincipal: PRINCIPAL, tenantId: "tenant" }),
    ["POST login.microsoftonline.com/tenant/oauth2/v2.0/token", `POST ${ACR}/oauth2/exchange`],
  ],
];

for (const [title, provider, asked] of AZURE) {
  Deno.test(`acrCredentials, ${title}: refresh token, then access_token alone`, async () => {
    const services: Record<string, Handler> = {};
    const given = { preset: "acr", user: TOKEN_USER, password: SECRET, asked, services } as const;
    const world = worldOf(given);
    const azure = emulateAzure({
      ...PRINCIPAL,
      tenant: "tenant",
      host: ACR,
      registry: world.registry.fetch,
      user: TOKEN_USER,
      password: SECRET,
    });
    services["login.microsoftonline.com"] = azure.entra;
    services[`${ACR}/oauth2/exchange`] = azure.exchange;
    const credentials = provider(world.fetch, azure.entraToken);
    const name = `${ACR}/app`;
    const grants: (string | null)[] = [];
    const fetch: Fetch = async (input, init) => {
      const request = new Request(input, init);
      const { pathname, searchParams } = new URL(request.url);
      if (pathname === "/oauth2/token") {
        const form = new URLSearchParams(await request.clone().text());
        grants.push(`${request.method} ${form.get("grant_type") ?? searchParams}`);
        const response = await world.fetch(request);
        const answer = await response.json();
        assert("access_token" in answer && !("token" in answer));
        return Response.json(answer, response);
      }
      return await world.fetch(request);
    };
    await pushAndPull(() => new RegistryClientV2({ name, credentials, fetch }));
    assertEquals(world.asked, asked);
    assertEquals(new Set(grants), new Set(["POST refresh_token"]));
    assertKept(world.registry.requests);
  });
}

Deno.test("ecrCredentials: what Amazon refuses is the reason that the push fails for", async () => {
  const { name, ...given } = CASES["ecrCredentials, private"]!;
  const world = worldOf(given);
  const environment = { ...AWS_ENVIRONMENT, AWS_SECRET_ACCESS_KEY: "another-secret" };
  const credentials = ecrCredentials({ fetch: world.fetch, environment });
  const client = new RegistryClientV2({ name, credentials, fetch: world.fetch });
  const error = await assertRejects(() => client.putBlob(randomBytes(10)));
  const shown = Deno.inspect(error, { depth: 9 });
  assert(shown.includes("InvalidSignatureException"), shown);
  assert(!shown.includes("another-secret"), shown);
});

Deno.test("ensureEcrRepository: end-4a 404 NAME_UNKNOWN, then the push succeeds", async () => {
  const { name, ...given } = CASES["ecrCredentials, private"]!;
  const repositories = new Set<string>();
  const world = worldOf({ ...given, services: { [ECR_API]: emulateAws(AWS, repositories) } });
  const fetch: Fetch = async (input, init) => {
    const request = new Request(input, init);
    const missing = request.headers.has("authorization") && !repositories.has("app") &&
      new URL(request.url).pathname.startsWith("/v2/app/");
    if (!missing) return await world.fetch(request);
    const errors = [{ code: "NAME_UNKNOWN", message: "The repository does not exist" }];
    return Response.json({ errors }, { status: 404 });
  };
  const options = { fetch, environment: AWS_ENVIRONMENT };
  const client = new RegistryClientV2({ name, credentials: ecrCredentials(options), fetch });
  const error = await assertRejects(() => client.putBlob(randomBytes(10)), NotFoundError);
  assertEquals(error.codes, ["NAME_UNKNOWN"]);
  const made: string[] = [];
  const making = new RegistryClientV2({
    name,
    credentials: ecrCredentials(options),
    fetch,
    onMissingRepository: async (missing) => {
      made.push(missing);
      assertEquals(await ensureEcrRepository(missing, options), true);
    },
  });
  await Promise.all([1, 2, 3].map(() => making.putBlob(randomBytes(10))));
  await client.putBlob(randomBytes(10));
  assertEquals(made, [name]);
  assertEquals(await ensureEcrRepository(name, options), false);
});
