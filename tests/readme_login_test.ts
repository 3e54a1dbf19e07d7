/**
 * How to log in to each registry, as the table of docs/authentication.md says: what stands in a line pushes and pulls
 * at the server's likeness of that registry, and an emulation of the service that it asks.
 */
import { assert, assertEquals } from "@std/assert";
import * as auth from "../auth/mod.ts";
import { RegistryClientV2 } from "../mod.ts";
import { emulateAws } from "./providers/emulated_aws.ts";
import { emulateGoogle } from "./providers/emulated_google.ts";
import { type Lonely, pushAndPull, worldOf } from "./providers/world.ts";

const PAGE = await Deno.readTextFile(new URL("../docs/authentication.md", import.meta.url));
const SECRET = "hunter2-readme";
const AWS = { accessKeyId: "ASIAEXAMPLE", secretAccessKey: "5ecret-key", password: SECRET };
const AWS_ENVIRONMENT = {
  AWS_ACCESS_KEY_ID: AWS.accessKeyId,
  AWS_SECRET_ACCESS_KEY: AWS.secretAccessKey,
};
const google = await emulateGoogle(SECRET);

interface Line extends Lonely {
  /** A repository under the registry's public name. */
  name: string;
  /** The environment of the program. */
  environment?: Record<string, string>;
  /** What `secret` is. @default {the password} */
  secret?: string;
}

const password = SECRET;

/** What each line of the table is tried with, by the name in its first cell. */
const LINES: Record<string, Line> = {
  "Docker Hub": { preset: "dockerHub", name: "you/app", user: "you", password },
  "GitHub (`ghcr.io`)": {
    preset: "ghcr",
    name: "ghcr.io/you/app",
    user: "you",
    password,
    environment: { GITHUB_TOKEN: SECRET, GITHUB_ACTOR: "you" },
  },
  "Amazon ECR": {
    preset: "ecr",
    name: "123456789012.dkr.ecr.eu-central-1.amazonaws.com/app",
    user: "AWS",
    password,
    environment: AWS_ENVIRONMENT,
    services: { "api.ecr.eu-central-1.amazonaws.com": emulateAws(AWS) },
  },
  "Amazon ECR Public": {
    preset: "ecrPublic",
    name: "public.ecr.aws/you/app",
    user: "AWS",
    password,
    environment: AWS_ENVIRONMENT,
    services: { "api.ecr-public.us-east-1.amazonaws.com": emulateAws(AWS) },
  },
  "Google (GAR, `gcr.io`)": {
    preset: "gar",
    name: "europe-docker.pkg.dev/project/repository/app",
    user: "oauth2accesstoken",
    password,
    secret: JSON.stringify(google.key),
    services: { "oauth2.googleapis.com": google.token },
  },
  "Azure (`*.azurecr.io`)": {
    preset: "acr",
    name: "you.azurecr.io/app",
    user: "app-id",
    password,
  },
  "Quay": { preset: "quay", name: "quay.io/you/app", user: "you+ci", password },
  "GitLab": {
    preset: "gitlab",
    name: "registry.gitlab.com/you/app",
    user: "gitlab-ci-token",
    password,
    environment: { CI_REGISTRY: "registry.gitlab.com", CI_JOB_TOKEN: SECRET },
  },
  "Harbor": {
    preset: "harbor",
    name: "harbor.example.com/project/app",
    user: "robot$project+ci",
    password,
  },
};

/** The cells of the page's table that have a program in the second one. */
function tableLines(): string[][] {
  const start = PAGE.indexOf("| Registry ");
  const lines = PAGE.slice(start, PAGE.indexOf("\n\n", start)).split("\n").slice(2);
  return lines.map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));
}

/** Runs something with this environment and this `fetch` in the place of the process's own. */
async function elsewhere<T>(
  environment: Record<string, string>,
  fetch: typeof globalThis.fetch,
  run: () => Promise<T>,
): Promise<T> {
  const before = globalThis.fetch;
  const values = Object.keys(environment).map((name) => [name, Deno.env.get(name)] as const);
  globalThis.fetch = fetch;
  for (const [name, value] of Object.entries(environment)) Deno.env.set(name, value);
  try {
    return await run();
  } finally {
    globalThis.fetch = before;
    for (const [name, value] of values) {
      if (value === undefined) Deno.env.delete(name);
      else Deno.env.set(name, value);
    }
  }
}

Deno.test("docs/authentication.md: the table of logins has every registry", () => {
  assertEquals(tableLines().map(([registry]) => registry), Object.keys(LINES));
});

for (const [registry = "", code = ""] of tableLines()) {
  Deno.test(`docs/authentication.md: how to log in to ${registry}`, async () => {
    const line = LINES[registry];
    assert(line !== undefined, "there is nothing to try it with");
    const { registry: { requests }, fetch } = worldOf(line);
    await elsewhere(line.environment ?? {}, fetch, async () => {
      // Nothing but the page's own words: they must do as they stand there.
      const program = new Function(
        "secret",
        ...Object.keys(auth),
        `"use strict"; return (${code.slice(1, -1)});`,
      );
      const credentials = program(line.secret ?? SECRET, ...Object.values(auth));
      await pushAndPull(() => new RegistryClientV2({ name: line.name, credentials, fetch }));
    });
    assert(requests.some(({ method }) => method === "PUT"));
  });
}
