/**
 * Logs in to a registry as `docker login` does, with no Docker: tries REGISTRY_USER and
 * REGISTRY_PASSWORD on a repository, and keeps them where `dockerCredentials()`, docker and podman
 * find them: in the credential helper that Docker's config names, else in the config itself.
 *
 *     deno run --allow-net --allow-env --allow-read --allow-write --allow-run examples/login.ts ghcr.io/you/app
 */
import { NotFoundError, RegistryClientV2 } from "@davit/registry-client";
import { login } from "@davit/registry-client/auth";
import { runProgram, UsageError } from "../scripts/run_program.ts";

const USAGE = `usage: REGISTRY_USER=… REGISTRY_PASSWORD=… login REPOSITORY

Logs in to a registry as "docker login" does, with no Docker.`;

await runProgram(USAGE, async (name) => {
  const username = Deno.env.get("REGISTRY_USER");
  const password = Deno.env.get("REGISTRY_PASSWORD");
  if (!username || !password) throw new UsageError(USAGE.split("\n")[0]);
  const client = new RegistryClientV2({ name, username, password });
  try {
    for await (const _tag of client.tags()) break;
  } catch (error) {
    // A repository that nothing was pushed to yet: whoever is told so was let in.
    if (!(error instanceof NotFoundError)) throw error;
  }
  const registry = client.repo.index.name;
  await login(registry, { username, password });
  console.log(`logged in to ${registry} as ${username}`);
});
