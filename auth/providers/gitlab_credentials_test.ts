import { assertEquals } from "@std/assert";
import type { Credential } from "../credential.ts";
import { assertFails } from "./fake_service_test.ts";
import { gitlabCredentials, type GitlabCredentialsOptions } from "./gitlab_credentials.ts";

const HOST = "registry.gitlab.com";
const REGISTRY = { CI_REGISTRY: HOST };
const USER = { CI_REGISTRY_USER: "ci-user", CI_REGISTRY_PASSWORD: "ci-password" };
const JOB = { CI_JOB_TOKEN: "job-token" };
const DEPLOY = { CI_DEPLOY_USER: "gitlab+deploy-token-1", CI_DEPLOY_PASSWORD: "deploy-password" };
const ALL = { ...REGISTRY, ...USER, ...JOB, ...DEPLOY };

const asUser = { username: "ci-user", password: "ci-password" };
const asJob = { username: "gitlab-ci-token", password: "job-token" };
const asDeploy = { username: "gitlab+deploy-token-1", password: "deploy-password" };

const CASES: [
  name: string,
  options: GitlabCredentialsOptions,
  host: string,
  answer: Credential | undefined,
][] = [
  ["all variables", { environment: ALL }, HOST, asUser],
  ["the job's token", { environment: { ...REGISTRY, ...JOB, ...DEPLOY } }, HOST, asJob],
  ["the deploy token alone", { environment: { ...REGISTRY, ...DEPLOY } }, HOST, asDeploy],
  ["the deploy token by option", { environment: ALL, deployToken: true }, HOST, asDeploy],
  [
    "no deploy token by option",
    { environment: { ...REGISTRY, ...USER }, deployToken: true },
    HOST,
    undefined,
  ],
  [
    "half of the registry's variables",
    { environment: { ...REGISTRY, CI_REGISTRY_USER: "ci-user", ...JOB } },
    HOST,
    asJob,
  ],
  ["outside a job", { environment: {} }, HOST, undefined],
  ["no registry", { environment: { ...USER, ...JOB } }, HOST, undefined],
  ["nothing but the registry", { environment: REGISTRY }, HOST, undefined],
  ["another host", { environment: ALL }, "gitlab.com", undefined],
  ["another port", { environment: ALL }, `${HOST}:5050`, undefined],
  [
    "a port of its own",
    { environment: { ...ALL, CI_REGISTRY: "GitLab.example.com:5050" } },
    "gitlab.example.com:5050",
    asUser,
  ],
  ["the port of https", { environment: { ...ALL, CI_REGISTRY: `${HOST}:443` } }, HOST, asUser],
  [
    "a host, a user and a password that are given",
    { environment: ALL, host: "registry.example.com", username: "me", password: "glpat-x" },
    "registry.example.com",
    { username: "me", password: "glpat-x" },
  ],
  [
    "the job's host, where another is given",
    { environment: ALL, host: "registry.example.com" },
    HOST,
    undefined,
  ],
];

for (const [name, options, host, answer] of CASES) {
  Deno.test(`gitlabCredentials: ${name}`, async () => {
    assertEquals(await gitlabCredentials(options)({ host }), answer);
  });
}

const OPTIONS: [name: string, options: GitlabCredentialsOptions, message: string][] = [
  ["a URL", { host: "https://registry.example.com" }, "host must be a host"],
  ["a path", { host: "registry.example.com/group" }, "host must be a host"],
  ["a user", { host: "you@registry.example.com" }, "host must be a host"],
  ["an empty host", { host: "" }, "host must be a host"],
  ["a password alone", { password: "hunter2" }, "a password needs a username"],
];

for (const [name, options, message] of OPTIONS) {
  Deno.test(`gitlabCredentials: ${name}: InvalidOptionError`, async () => {
    await assertFails(() => gitlabCredentials(options), "INVALID_OPTION", message, ["hunter2"]);
  });
}

Deno.test("gitlabCredentials: CI_REGISTRY that is no host is named", async () => {
  const source = gitlabCredentials({ environment: { ...ALL, CI_REGISTRY: "https://x" } });
  const call = () => source({ host: HOST });
  await assertFails(call, "AUTHENTICATION_FAILED", "CI_REGISTRY must be a host", ["ci-password"]);
});
