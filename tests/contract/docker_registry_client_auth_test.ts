/** The contract of docker_registry_client: the ways to authenticate that its page names. */
import { assertEquals } from "@std/assert";
import { RegistryClientV2 } from "@davit/registry-client";
import { wire } from "./sample.ts";

interface Approach {
  name: string;
  repository: string;
  username: string;
  password: string;
  challenge: string;
  /** Where the password must go, and nowhere else. */
  passwordTo: string;
  /** What the registry is then shown. */
  authorization: string;
}

function basic(username: string, password: string): string {
  return `Basic ${btoa(`${username}:${password}`)}`;
}

const approaches: Approach[] = [
  {
    name: "Docker Hub: user and password, its token service on another host",
    repository: "you/app",
    username: "you",
    password: "an-access-token",
    challenge: 'Bearer realm="https://auth.docker.io/token",service="registry.docker.io"',
    passwordTo: "https://auth.docker.io",
    authorization: "Bearer the-token",
  },
  {
    name: "GitHub: any user name and GITHUB_TOKEN",
    repository: "ghcr.io/you/app",
    username: "x",
    password: "ghp_0123456789",
    challenge: 'Bearer realm="https://ghcr.io/token",service="ghcr.io",scope="repository:x:pull"',
    passwordTo: "https://ghcr.io",
    authorization: "Bearer the-token",
  },
  {
    name: "ECR: AWS and the output of aws ecr get-login-password",
    repository: "123456789012.dkr.ecr.eu-west-1.amazonaws.com/app",
    username: "AWS",
    password: "e".repeat(2_000),
    challenge:
      'Basic realm="https://123456789012.dkr.ecr.eu-west-1.amazonaws.com/",service="ecr.amazonaws.com"',
    passwordTo: "https://123456789012.dkr.ecr.eu-west-1.amazonaws.com",
    authorization: basic("AWS", "e".repeat(2_000)),
  },
  {
    name: "GCR: oauth2accesstoken and the output of gcloud auth print-access-token",
    repository: "gcr.io/project/app",
    username: "oauth2accesstoken",
    password: "ya29.an-access-token",
    challenge: 'Bearer realm="https://gcr.io/v2/token",service="gcr.io"',
    passwordTo: "https://gcr.io",
    authorization: "Bearer the-token",
  },
];

for (const approach of approaches) {
  Deno.test(approach.name, async () => {
    const { repository, username, password, challenge } = approach;
    const { fetch, seen } = wire(({ headers }, url) => {
      if (url.pathname.endsWith("/token")) return Response.json({ token: "the-token" });
      return headers.has("authorization")
        ? Response.json({ name: "app", tags: ["v1"] })
        : new Response("", { status: 401, headers: { "www-authenticate": challenge } });
    });
    const client = new RegistryClientV2({ name: repository, fetch, username, password });
    assertEquals((await client.listTags()).tags, ["v1"]);
    assertEquals(seen.at(-1)!.headers.get("authorization"), approach.authorization);
    const given = seen.filter(({ headers }) =>
      headers.get("authorization") === basic(username, password)
    );
    assertEquals(given.map(({ url }) => new URL(url).origin), [approach.passwordTo]);
  });
}
