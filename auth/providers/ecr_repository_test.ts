import { assertEquals } from "@std/assert";
import { type Answer, assertFails, BAD_ANSWERS, FakeService } from "./fake_service_test.ts";
import { type EcrRepositoryOptions, ensureEcrRepository } from "./ecr_repository.ts";

const NAME = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/team/app";
const SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const KEYS = { AWS_ACCESS_KEY_ID: "AKIDEXAMPLE", AWS_SECRET_ACCESS_KEY: SECRET };

const made: Answer = () => Response.json({ repository: { repositoryName: "team/app" } });
const refused = (type: string): Answer => () =>
  Response.json({ __type: type, message: "in the registry of 123456789012" }, { status: 400 });

function world(answer: Answer, environment: Record<string, string> = KEYS) {
  const service = new FakeService(answer, environment);
  const ensure = (name = NAME, options: EcrRepositoryOptions = {}) =>
    ensureEcrRepository(name, { ...service.options, ...options });
  return { service, ensure };
}

const CALLS: [
  name: string,
  repository: string,
  options: EcrRepositoryOptions,
  target: string,
  parameters: unknown,
][] = [
  ["private", NAME, {}, "AmazonEC2ContainerRegistry_V20150921.CreateRepository", {
    repositoryName: "team/app",
    registryId: "123456789012",
  }],
  [
    "private, with all options",
    NAME,
    { immutableTags: true, resourceTags: { owner: "you" } },
    "AmazonEC2ContainerRegistry_V20150921.CreateRepository",
    {
      repositoryName: "team/app",
      registryId: "123456789012",
      imageTagMutability: "IMMUTABLE",
      tags: [{ Key: "owner", Value: "you" }],
    },
  ],
  ["public", "public.ecr.aws/alias/team/app", {}, "SpencerFrontendService.CreateRepository", {
    repositoryName: "team/app",
  }],
];

for (const [name, repository, options, target, parameters] of CALLS) {
  Deno.test(`ensureEcrRepository: ${name}`, async () => {
    const { ensure, service } = world(made);
    assertEquals(await ensure(repository, options), true);
    const [{ headers, body }] = service.seen as [typeof service.seen[0]];
    assertEquals([headers.get("x-amz-target"), JSON.parse(body)], [target, parameters]);
  });
}

Deno.test("ensureEcrRepository: one that is there stays as it is", async () => {
  const { ensure } = world(refused("com.amazonaws.ecr#RepositoryAlreadyExistsException"));
  assertEquals(await ensure(), false);
});

Deno.test("ensureEcrRepository: a refusal names the repository and Amazon's reason", async () => {
  const { ensure } = world(refused("AccessDeniedException"));
  await assertFails(
    ensure,
    "AUTHENTICATION_FAILED",
    "Cannot create the repository team/app in 123456789012.dkr.ecr.eu-central-1.amazonaws.com: " +
      "api.ecr.eu-central-1.amazonaws.com answers 400 AccessDeniedException: in the registry",
    [SECRET],
  );
});

Deno.test("ensureEcrRepository: without AWS credentials nothing is asked", async () => {
  const { ensure, service } = world(made, {});
  await assertFails(ensure, "AUTHENTICATION_FAILED", "there are no AWS credentials");
  assertEquals(service.seen, []);
});

const NAMES: [name: string, options?: EcrRepositoryOptions][] = [
  ["ghcr.io/team/app"],
  ["123456789012.dkr.ecr.eu-central-1.amazonaws.com"],
  ["123456789012.dkr.ecr.eu-central-1.amazonaws.com/Team"],
  ["123456789012.dkr.ecr.eu-central-1.amazonaws.com/app:tag"],
  ["public.ecr.aws/alias"],
  ["public.ecr.aws/alias/app", { immutableTags: true }],
  [""],
];

for (const [name, options] of NAMES) {
  Deno.test(`ensureEcrRepository: ${JSON.stringify(name)} cannot be made`, async () => {
    const { ensure, service } = world(made);
    await assertFails(() => ensure(name, options), "INVALID_OPTION", "Cannot create a repository");
    assertEquals(service.seen, []);
  });
}

for (const [name, answer, code, message] of BAD_ANSWERS) {
  if (name === "no fields") continue; // an answer without words counts as done
  Deno.test(`ensureEcrRepository: Amazon answers ${name}: ${code}`, async () => {
    await assertFails(world(answer).ensure, code, message, [SECRET]);
  });
}
