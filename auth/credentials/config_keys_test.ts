import { assertEquals } from "@std/assert";
import { configKey, matchingKeys } from "./config_keys.ts";

type Scheme = "http" | "https";

const KEYS: [key: string, host: string, path?: string, spoken?: Scheme][] = [
  ["ghcr.io", "ghcr.io"],
  ["GHCR.io:5000/", "ghcr.io:5000"],
  ["http://a.io/", "a.io"],
  ["http://a.io:80/v2/", "a.io"],
  ["https://a.io:80", "a.io:80"],
  ["https://a.io:443/v1/", "a.io"],
  ["a.io/v2/", "a.io"],
  ["a.io/v2", "a.io"],
  ["a.io/v1", "a.io"],
  ["a.io/v1/", "a.io"],
  ["a.io/v3", "a.io", "v3"],
  ["a.io/v2/_catalog", "a.io", "v2/_catalog"],
  ["a.io/v1/users/", "a.io", "v1/users"],
  ["quay.io/org/repo", "quay.io", "org/repo"],
  ["https://quay.io/org/", "quay.io"],
  ["https://a.io/v2/_catalog", "a.io"],
  ["https://a.io/api/docker/team", "a.io"],
  ["HTTPS://A.io:5000/v1/users/", "a.io:5000"],
  ["https://a.io?x=/y", "a.io"],
  ["http://a.io/v1/_ping#x", "a.io"],
  ["a.io:443", "a.io"],
  ["a.io:443", "a.io:443", "", "http"],
  ["a.io:80", "a.io", "", "http"],
  ["a.io:80", "a.io:80"],
  ["https://a.io:443", "a.io", "", "http"],
  ["https://index.docker.io/v1/", "docker.io"],
  ["docker.io.evil.example", "docker.io.evil.example"],
  ["[::1]:5000", "[::1]:5000"],
  ["https://[2001:DB8:0::1]:443/v2/", "[2001:db8::1]"],
  ["[::443]", "[::443]"],
  ["[::1", "[::1"],
  ["\u212A.io", "\u212A.io"], // the Kelvin sign, which becomes "k" in lower case
  ["bücher.example", "bücher.example"], // no URL has it so, and no registry is asked for by it
  ["u@a.io", "u@a.io"],
  ["b.io\\@a.io", "b.io\\@a.io"],
  ["", ""],
  ["https://", ""],
];

for (const [key, host, path = "", spoken] of KEYS) {
  Deno.test(`configKey: ${JSON.stringify(key)}${spoken ? `, asked for by ${spoken}` : ""}`, () => {
    const scheme = /^https?(?=:\/\/)/i.exec(key)?.[0].toLowerCase() as Scheme | undefined;
    assertEquals(configKey(key, spoken), { host, path, ...(scheme && { scheme }) });
  });
}

const MATCHING: [name: string, keys: string[], target: string, expected: string[]][] = [
  [
    "several spellings: the one of today, then bare ones, then URLs as they come",
    ["https://a.io/v2/", "A.io", "http://a.io", "b.io", "a.io/v1", "https://a.io", "a.io"],
    "a.io",
    ["a.io", "A.io", "a.io/v1", "https://a.io/v2/", "http://a.io", "https://a.io"],
  ],
  [
    "Docker Hub's names: the one of today first",
    ["registry-1.docker.io", "index.docker.io", "docker.io", "https://index.docker.io/v1/"],
    "registry-1.docker.io",
    ["https://index.docker.io/v1/", "docker.io", "index.docker.io", "registry-1.docker.io"],
  ],
  [
    "the longest path first, whole parts alone",
    ["q.io", "q.io/org", "q.io/org/app", "q.io/or", "q.io/org/apple"],
    "q.io/org/app/deep",
    ["q.io/org/app", "q.io/org", "q.io"],
  ],
  ["no key with a path for a registry alone", ["q.io/org", "q.io"], "q.io", ["q.io"]],
  [
    "a path of a URL is none, so a bare one goes before it",
    ["https://q.io/org/app", "q.io/org"],
    "q.io/org/app",
    ["q.io/org", "https://q.io/org/app"],
  ],
  [
    "the tokens of docker's login by a browser are nobody's",
    ["https://index.docker.io/v1/access-token", "https://index.docker.io/v1/refresh-token"],
    "docker.io",
    [],
  ],
  ["keys of nothing", ["", "https://", "/"], "a.io", []],
];

for (const [name, keys, target, expected] of MATCHING) {
  Deno.test(`matchingKeys: ${name}`, () => {
    const [host = "", ...path] = target.split("/");
    const repository = path.join("/");
    assertEquals(matchingKeys(keys, { host, ...(repository && { repository }) }), expected);
  });
}
