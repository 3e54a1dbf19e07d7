import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { InvalidOptionError } from "../errors.ts";
import { knownHosts } from "./known_hosts.ts";

const HUB = { maxConcurrency: 2 };
const OTHER = { insecure: true };

for (const name of ["docker.io", "index.docker.io"]) {
  Deno.test(`knownHosts: ${name} is Docker Hub's API`, () => {
    const given = { [name]: HUB, "ghcr.io": OTHER };
    assertEquals(knownHosts(given), { "ghcr.io": OTHER, "registry-1.docker.io": HUB });
    assertEquals(given, { [name]: HUB, "ghcr.io": OTHER });
  });

  for (const another of ["registry-1.docker.io", "index.docker.io", "docker.io"]) {
    if (name === another) continue;
    Deno.test(`knownHosts refuses ${name} beside ${another}: INVALID_OPTION`, () => {
      const hosts = { [name]: HUB, [another]: OTHER };
      assertThrows(() => knownHosts(hosts), InvalidOptionError, "both are Docker Hub");
    });
  }
}

Deno.test("knownHosts: all other names stay, the API's own too", () => {
  const hosts = { "registry-1.docker.io": HUB, "docker.io.example.com": OTHER };
  assertStrictEquals(knownHosts(hosts), hosts);
  assertEquals(knownHosts(), {});
});
