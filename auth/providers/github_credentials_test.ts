import { assertEquals } from "@std/assert";
import type { Credential } from "../credential.ts";
import { assertFails } from "./fake_service_test.ts";
import { githubCredentials, type GithubCredentialsOptions } from "./github_credentials.ts";

const WORKFLOW = { GITHUB_TOKEN: "ghs_token", GITHUB_ACTOR: "you" };

const CASES: [
  name: string,
  options: GithubCredentialsOptions,
  host: string,
  answer: Credential | undefined,
][] = [
  ["a workflow", { environment: WORKFLOW }, "ghcr.io", { username: "you", password: "ghs_token" }],
  ["another host", { environment: WORKFLOW }, "docker.pkg.github.com", undefined],
  ["another port", { environment: WORKFLOW }, "ghcr.io:8443", undefined],
  ["no token", { environment: { GITHUB_ACTOR: "you" } }, "ghcr.io", undefined],
  ["an empty token", { environment: { GITHUB_TOKEN: "" } }, "ghcr.io", undefined],
  ["no actor", { environment: { GITHUB_TOKEN: "t" } }, "ghcr.io", {
    username: "x-access-token",
    password: "t",
  }],
  [
    "a token and a user that are given",
    {
      environment: WORKFLOW,
      token: "ghp_given",
      username: "me",
    },
    "ghcr.io",
    { username: "me", password: "ghp_given" },
  ],
  [
    "GitHub's enterprise cloud",
    { environment: WORKFLOW, host: "containers.you.ghe.com" },
    "containers.you.ghe.com",
    { username: "you", password: "ghs_token" },
  ],
  [
    "the public one, where another host is given",
    { environment: WORKFLOW, host: "containers.you.ghe.com" },
    "ghcr.io",
    undefined,
  ],
];

for (const [name, options, host, answer] of CASES) {
  Deno.test(`githubCredentials: ${name}`, async () => {
    assertEquals(await githubCredentials(options)({ host }), answer);
  });
}

Deno.test("githubCredentials: a token that is given must not be empty: a secret that is not set", async () => {
  await assertFails(() => githubCredentials({ token: "" }), "INVALID_OPTION", "must not be empty");
});

Deno.test("githubCredentials: a host as URLs have it, and nothing else", async () => {
  const source = githubCredentials({ token: "t", host: "Containers.You.ghe.com" });
  assertEquals((await source({ host: "containers.you.ghe.com" }))?.password, "t");
  const url = () => githubCredentials({ token: "t", host: "https://ghcr.io" });
  await assertFails(url, "INVALID_OPTION", "host must be a host");
});

Deno.test("githubCredentials: the environment is read when credentials are wanted", async () => {
  const environment: Record<string, string> = {};
  const source = githubCredentials({ environment });
  environment.GITHUB_TOKEN = "later";
  assertEquals((await source({ host: "ghcr.io" }))?.password, "later");
});
