import { assert, assertEquals, assertThrows } from "@std/assert";
import { InvalidOptionError, InvalidReferenceError } from "../errors.ts";
import {
  MAX_HOST_LENGTH,
  parseRegistry,
  type Registry,
  registryOrigin,
  type RegistryOriginOptions,
} from "./registry.ts";

const good: [text: string, expected: Registry][] = [
  ["ghcr.io", { registry: "ghcr.io" }],
  ["GHCR.io", { registry: "ghcr.io" }],
  ["ghcr.io/", { registry: "ghcr.io" }],
  ["ghcr.io:443", { registry: "ghcr.io:443" }],
  ["https://ghcr.io", { registry: "ghcr.io", scheme: "https" }],
  ["HTTP://registry.example.com/", { registry: "registry.example.com", scheme: "http" }],
  ["registry:5000", { registry: "registry:5000" }],
  ["localhost", { registry: "localhost" }],
  ["Localhost", { registry: "localhost" }],
  ["localhost:65535", { registry: "localhost:65535" }],
  ["127.0.0.1:1", { registry: "127.0.0.1:1" }],
  ["::1", { registry: "[::1]" }],
  ["[::1]", { registry: "[::1]" }],
  ["[::1]:5000", { registry: "[::1]:5000" }],
  ["[0:0:0:0:0:0:0:1]:5000", { registry: "[::1]:5000" }],
  ["[2001:DB8::1]", { registry: "[2001:db8::1]" }],
  ["xn--bcher-kva.example", { registry: "xn--bcher-kva.example" }],
  ["docker.io", { registry: "docker.io" }],
  ["Docker.IO:443", { registry: "docker.io" }],
  ["index.docker.io", { registry: "docker.io" }],
  ["registry-1.docker.io", { registry: "docker.io" }],
  ["https://registry-1.docker.io/", { registry: "docker.io", scheme: "https" }],
  ["https://index.docker.io/v1/", { registry: "docker.io", scheme: "https" }],
  ["https://index.docker.io/v1", { registry: "docker.io", scheme: "https" }],
  ["index.docker.io/v1/", { registry: "docker.io" }],
  ["hub.docker.io", { registry: "hub.docker.io" }],
];

for (const [text, expected] of good) {
  Deno.test(`registry: ${text} is ${expected.registry}`, () => {
    assertEquals(parseRegistry(text), expected);
  });
}

const bad: [text: string, problem: string][] = [
  ["", "the host is empty"],
  ["https://", "the host is empty"],
  ["https:///x", "the host is empty"],
  ["foo", '"foo" does not look like a host: it has no dot and no port, as in "foo:443"'],
  ["http://foo", 'as in "foo:80"'],
  ["ghcr.io/a", "a path follows the host"],
  ["ghcr.io/v1/", "a path follows the host"],
  ["ghcr.io//", "a path follows the host"],
  ["https://index.docker.io/v2/", "a path follows the host"],
  ["ftp://ghcr.io", "neither http nor https"],
  ["oci+x://ghcr.io", "neither http nor https"],
  ["oci://https://ghcr.io", "it has two schemes"],
  ["docker://oci://ghcr.io", "it has two schemes"],
  ["://ghcr.io", "neither http nor https"],
  ["https://https://ghcr.io", 'the port "" is not a number'],
  ["ann@ghcr.io", "user information"],
  ["ann:hunter2@ghcr.io:5000", "user information"],
  ["https://ann:hunter2@ghcr.io", "user information"],
  ["ghcr.io?x", "a query or a fragment"],
  ["ghcr.io#x", "a query or a fragment"],
  ["ghcr.io:", 'the port "" is not'],
  ["ghcr.io:0", 'the port "0" is not'],
  ["ghcr.io:080", 'the port "080" is not'],
  ["ghcr.io:65536", 'the port "65536" is not'],
  ["ghcr.io:100000", 'the port "100000" is not'],
  ["ghcr.io:+80", 'the port "+80" is not'],
  ["ghcr.io:80a", 'the port "80a" is not'],
  ["ghcr.io:80:80", 'the port "80:80" is not'],
  [":5000", 'the host "" is not one'],
  [".", 'the host "." is not one'],
  ["..", 'the host ".." is not one'],
  ["ghcr.io.", 'the host "ghcr.io." is not one'],
  [".ghcr.io", "is not one"],
  ["ghcr..io", "is not one"],
  ["-a.example", "is not one"],
  ["a-.example", "is not one"],
  ["a_b.example", "is not one"],
  ["gh cr.io", "is not one"],
  ["ghcr.io\n", "is not one"],
  ["ghcr.io\0", "is not one"],
  ["ghcr%2eio", "does not look like a host"],
  ["ghcr.io%00", "is not one"],
  ["ghcr.io\\x", "is not one"],
  ["bücher.example", 'the host "bücher.example" is not one'],
  ["do\u212Aer.example", "is not one"],
  ["docker。io:443", "is not one"],
  ["xn--0.example", "is not one"],
  [`${"a".repeat(64)}.example`, "is not one"],
  [`${"a.".repeat((MAX_HOST_LENGTH + 1) / 2)}a`, "is not one"],
  ["127.1", "is not one"],
  ["1.2.3", "is not one"],
  ["256.0.0.1", "is not one"],
  ["127.0.0.01", "is not one"],
  ["0x7f.1", "is not one"],
  ["0x7f.0.0.1", "is not one"],
  ["2130706433:80", "is not one"],
  ["1.2.3.4.5", "is not one"],
  ["::2", 'the host "" is not one'],
  ["::1:5000", 'the host "" is not one'],
  ["[::1", "is not one"],
  ["::1]", "is not one"],
  ["[]:80", "is not one"],
  ["[:::1]", "is not one"],
  ["[fe80::1%25eth0]", "is not one"],
  ["[::1]5000", "is not one"],
  ["[::1]x:5000", "is not one"],
  ["[::1]:", 'the port "" is not'],
  ["http://docker.io", "plain HTTP to Docker Hub is disallowed"],
  ["http://index.docker.io/v1/", "disallowed"],
  ["http://registry-1.docker.io:80", "disallowed"],
  ["docker.io:80", "Docker Hub has no port but 443"],
];

for (const [text, problem] of bad) {
  Deno.test(`registry: ${JSON.stringify(text.slice(0, 50))}: ${problem}`, () => {
    const error = assertThrows(() => parseRegistry(text), InvalidReferenceError, problem);
    assertEquals(error.code, "INVALID_REFERENCE");
    assert(error.message.startsWith("Cannot parse "), error.message);
    assert(error.message.includes("as a registry: "), error.message);
    assert(error.message.includes("a registry is host[:port]"), error.message);
    assert(!error.message.includes("hunter2"), error.message);
    assertThrows(() => registryOrigin(text), InvalidReferenceError, problem);
  });
}

Deno.test("registry: what is not a string is not one", () => {
  const value = undefined as unknown as string;
  assertThrows(() => parseRegistry(value), InvalidReferenceError, "is not a string");
});

const origins: [registry: string, options: RegistryOriginOptions, origin: string][] = [
  ["docker.io", {}, "https://registry-1.docker.io"],
  ["index.docker.io", {}, "https://registry-1.docker.io"],
  ["registry-1.docker.io", { scheme: "https" }, "https://registry-1.docker.io"],
  ["https://index.docker.io/v1/", {}, "https://registry-1.docker.io"],
  ["docker.io", { insecure: true }, "https://registry-1.docker.io"],
  ["ghcr.io", {}, "https://ghcr.io"],
  ["ghcr.io:443", {}, "https://ghcr.io"],
  ["ghcr.io:8443", {}, "https://ghcr.io:8443"],
  ["registry.example.com", { insecure: true }, "http://registry.example.com"],
  ["registry.example.com", { insecure: true, scheme: "https" }, "https://registry.example.com"],
  ["registry.example.com", { scheme: "http" }, "http://registry.example.com"],
  ["http://registry.example.com:80", {}, "http://registry.example.com"],
  ["http://registry.example.com", { scheme: "https" }, "https://registry.example.com"],
  ["https://registry.example.com", { insecure: true }, "https://registry.example.com"],
  ["registry:5000", {}, "https://registry:5000"],
  ["localhost", {}, "http://localhost"],
  ["localhost:5000", {}, "http://localhost:5000"],
  ["registry.localhost:5000", {}, "http://registry.localhost:5000"],
  ["localhost:5000", { scheme: "https" }, "https://localhost:5000"],
  ["https://localhost:5000", {}, "https://localhost:5000"],
  ["127.0.0.1:5000", {}, "http://127.0.0.1:5000"],
  ["127.8.9.1", {}, "http://127.8.9.1"],
  ["[::1]:5000", {}, "http://[::1]:5000"],
  ["[2001:db8::1]:5000", {}, "https://[2001:db8::1]:5000"],
  ["localhost.example.com", {}, "https://localhost.example.com"],
  ["10.0.0.1:5000", {}, "https://10.0.0.1:5000"],
];

for (const [registry, options, origin] of origins) {
  Deno.test(`registryOrigin: ${registry} ${JSON.stringify(options)} is ${origin}`, () => {
    assertEquals(registryOrigin(registry, options), origin);
  });
}

Deno.test("registryOrigin: a bad scheme is a bad option", () => {
  const ftp = { scheme: "ftp" } as unknown as RegistryOriginOptions;
  const error = assertThrows(
    () => registryOrigin("ghcr.io", ftp),
    InvalidOptionError,
    `'scheme' must be "http" or "https": current value is "ftp"`,
  );
  assertEquals(error.code, "INVALID_OPTION");
  assertThrows(
    () => registryOrigin("docker.io", { scheme: "http" }),
    InvalidOptionError,
    `'scheme' must be "https" for it: current value is "http"`,
  );
});
