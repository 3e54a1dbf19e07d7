import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { InvalidOptionError } from "../errors.ts";
import { dockerHubAlias } from "./docker_hub_alias.ts";

const HUB = { maxConcurrency: 2 };
const OTHER = { insecure: true };

for (const name of ["docker.io", "index.docker.io"]) {
  Deno.test(`dockerHubAlias: ${name} is Docker Hub's API`, () => {
    const given = { [name]: HUB, "ghcr.io": OTHER };
    assertEquals(dockerHubAlias(given), { "ghcr.io": OTHER, "registry-1.docker.io": HUB });
    assertEquals(given, { [name]: HUB, "ghcr.io": OTHER });
  });

  for (const another of ["registry-1.docker.io", "index.docker.io", "docker.io"]) {
    if (name === another) continue;
    Deno.test(`dockerHubAlias refuses ${name} beside ${another}: INVALID_OPTION`, () => {
      const hosts = { [name]: HUB, [another]: OTHER };
      assertThrows(() => dockerHubAlias(hosts), InvalidOptionError, "both are Docker Hub");
    });
  }
}

Deno.test("dockerHubAlias: all other names stay, the API's own too", () => {
  const hosts = { "registry-1.docker.io": HUB, "docker.io.example.com": OTHER };
  assertStrictEquals(dockerHubAlias(hosts), hosts);
  assertEquals(dockerHubAlias(), {});
});
