import { checkOptions, names, type OptionNames } from "../../content/check_options.ts";
import { InvalidOptionError, InvalidReferenceError } from "../../errors.ts";
import {
  indexOrigin,
  type RegistryRepo,
  registryRepo,
  repoOrRegistry,
} from "../../reference/registry_repo.ts";
import { openConnection } from "../../registry_channel.ts";
import { CONNECTION_OPTIONS, type ConnectionOptions } from "../../registry_client_options.ts";
import type { Channel } from "../../transport/channel.ts";
import type { CallOptions } from "../call_options.ts";
import { ChainloopError } from "./chainloop_error.ts";

/** The repository of the write check. */
const CHECKED = "chainloop-test";

/** Options of {@linkcode register} and {@linkcode openRegistration}. */
export interface ChainloopOptions
  extends Omit<ConnectionOptions, "credentials" | "scopes">, CallOptions {
  /**
   * Where an artifact goes: a repository each, `REPOSITORY/PREFIX-HEX:latest`, as Chainloop does it; or
   * a tag each, `REPOSITORY:PREFIX-HEX`, for registries whose repositories must be made first.
   *
   * Amazon ECR's must: either this is `"tag"`, or `onMissingRepository` makes them.
   * @default {"repository"}
   */
  layout?: "repository" | "tag";
}

const { credentials: _credentials, scopes: _scopes, ...OPTIONS } = CONNECTION_OPTIONS;

const CHAINLOOP_OPTIONS: OptionNames<ChainloopOptions> = names("layout signal", OPTIONS);

export interface Target {
  channel: Channel;
  /** The repository that the write check asks. */
  checked: string;
  /** The repository and the tag of an artifact. */
  place(name: string): { repository: string; tag: string };
}

/**
 * Opens the registry of a repository. Nothing is sent; the credentials are for its host alone.
 *
 * @throws {ChainloopError} `the provided credentials are invalid` for what is not a repository.
 * @throws {InvalidOptionError} When an option cannot be used.
 */
export function openTarget(
  repository: string,
  credentials: { username: string; password: string },
  options: ChainloopOptions,
): Target {
  checkOptions(options, CHAINLOOP_OPTIONS);
  const { layout = "repository", signal: _signal, ...connection } = options;
  if (layout !== "repository" && layout !== "tag") {
    throw new InvalidOptionError(
      `Cannot use 'layout' as it must be "repository" or "tag": current value is ${layout}`,
    );
  }
  const { index, remoteName } = parsed(repository, layout);
  const scheme = options.hosts?.[index.name]?.plainHttp ? "http" : index.scheme;
  const { channel } = openConnection(indexOrigin(index, scheme), {
    ...connection,
    credentials,
    scopes: ["pull", "push"],
  });
  return {
    channel,
    checked: remoteName,
    place: (name) =>
      layout === "tag"
        ? { repository: remoteName, tag: name }
        : { repository: registryRepo(`${repository}/${name}`).remoteName, tag: "latest" },
  };
}

/** The repository of the write check: with a tag an artifact, the one that all of them go to. */
function parsed(repository: string, layout: "repository" | "tag"): RegistryRepo {
  try {
    if (repository.includes("://")) {
      throw new InvalidReferenceError("Cannot use the repository as it begins with a scheme");
    }
    if (layout === "repository") return registryRepo(`${repository}/${CHECKED}`);
    const repo = repoOrRegistry(repository);
    if (repo.remoteName !== "") return repo;
    throw new InvalidReferenceError("Cannot use the repository as it is a registry alone");
  } catch (cause) {
    throw new ChainloopError("the provided credentials are invalid", {
      code: "INVALID_CREDENTIALS",
      cause,
    });
  }
}
