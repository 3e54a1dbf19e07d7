/**
 * GitHub's container packages, listed and deleted through its API: what `prune` of
 * `@davit/registry-client/copy` wants to know of a repository at `ghcr.io`.
 *
 * @module
 */
export { githubPackages, type GithubPackagesOptions } from "./github_packages.ts";
export type { StoreOptions } from "../../content/store.ts";
export type { Deleter, Inventory, InventoryEntry } from "../../copy/prune_options.ts";
