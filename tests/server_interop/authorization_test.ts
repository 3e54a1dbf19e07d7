/**
 * What somebody is told who may not: the embedded registry and distribution, each with a token
 * service that gives pull alone, answer with the same status and the same challenge.
 */
import { assertEquals } from "@std/assert";
import { createRegistry, serve } from "../../server/mod.ts";
import { requirePeers } from "../peers/locate.ts";
import { CREDENTIALS, startRegistry } from "../peers/registries.ts";

interface Target {
  origin: string;
  realm: string;
  service: string;
}

const NOWHERE = `sha256:${"0".repeat(64)}`;

/** What is asked, with which token. */
const CASES: [title: string, method: string, path: string, token: "none" | "bad" | "pull"][] = [
  ["nobody, end-1", "GET", "/v2/", "none"],
  ["nobody, end-8", "GET", "/v2/app/tags/list", "none"],
  ["nobody, end-4a", "POST", "/v2/app/blobs/uploads/", "none"],
  ["nobody, end-11", "POST", `/v2/app/blobs/uploads/?mount=${NOWHERE}&from=other`, "none"],
  ["nobody, the catalog", "GET", "/v2/_catalog", "none"],
  ["a token that is none, end-1", "GET", "/v2/", "bad"],
  ["a token that is none, end-3", "GET", "/v2/app/manifests/v1", "bad"],
  ["a token to pull, end-1", "GET", "/v2/", "pull"],
  ["a token to pull, end-4a", "POST", "/v2/app/blobs/uploads/", "pull"],
  ["a token to pull, end-7", "PUT", "/v2/app/manifests/v1", "pull"],
  ["a token to pull, end-9", "DELETE", `/v2/app/manifests/${NOWHERE}`, "pull"],
  ["a token to pull, end-8 elsewhere", "GET", "/v2/other/tags/list", "pull"],
];

function basic(): string {
  const bytes = new TextEncoder().encode(`${CREDENTIALS.username}:${CREDENTIALS.password}`);
  return `Basic ${btoa(String.fromCharCode(...bytes))}`;
}

async function answers({ origin, realm, service }: Target): Promise<Record<string, unknown>> {
  const query = new URLSearchParams({ service, scope: "repository:app:pull,push,delete" });
  const granted = await fetch(`${realm}?${query}`, { headers: { authorization: basic() } });
  const { token } = await granted.json();
  const found: Record<string, unknown> = {};
  for (const [title, method, path, which] of CASES) {
    const authorization = which === "bad" ? "Bearer x.y.z" : `Bearer ${token}`;
    const response = await fetch(origin + path, {
      method,
      ...(which !== "none" && { headers: { authorization } }),
      ...(method === "PUT" && { body: "{}" }),
    });
    const challenge = response.headers.get("www-authenticate");
    const of = (name: string) => new RegExp(`${name}="([^"]*)"`).exec(challenge ?? "")?.[1];
    const body = await response.text();
    found[title] = {
      status: response.status,
      // Scopes and their actions are sets: distribution has them in any order.
      scope: of("scope")?.split(" ").map((scope) => {
        const [, resource, actions = ""] = /^(.*):(.*)$/.exec(scope)!;
        return `${resource}:${actions.split(",").sort()}`;
      }).sort(),
      error: of("error"),
      code: which === "pull" || response.ok ? undefined : JSON.parse(body).errors[0].code,
    };
  }
  return found;
}

Deno.test({
  ...requirePeers("distribution"),
  name: "whoever may not is told so as distribution tells it",
  fn: async () => {
    const theirs = await startRegistry("distribution", {
      auth: "bearer",
      tokens: { grant: (_, { actions }) => actions.filter((action) => action === "pull") },
    });
    const ours = await serve(createRegistry({
      auth: {
        bearer: {
          users: { [CREDENTIALS.username]: { password: CREDENTIALS.password, actions: ["pull"] } },
        },
      },
    }));
    try {
      const { realm, service } = theirs.tokens!;
      assertEquals(
        await answers({ origin: ours.url, realm: `${ours.url}/token`, service: "davit" }),
        await answers({ origin: theirs.origin, realm, service }),
      );
    } finally {
      await ours.close();
      await theirs.stop();
    }
  },
});
