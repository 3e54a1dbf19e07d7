/** Who is at each registry that the server can imitate, and what the registry cannot do. */
import type { PresetName, QuirkOptions } from "../../testing/mod.ts";

/** A registry under its public name. */
export interface Host {
  /** A repository's name there. */
  name: string;
  /** The user, in the form that the registry wants. */
  user: string;
  /** The password. @default {"secret"} */
  password?: string;
  /** How it wants them: in every request, or for a token. @default {"bearer"} */
  login?: "basic" | "bearer";
  /** The verbs that it does not have, and the codes of their errors. */
  lacks?: Readonly<Record<string, string>>;
  /** A layer that it takes in chunks alone, in MiB. @default {5, more than others take in a chunk} */
  layer?: number;
  /** Its words for a tag that cannot be moved; Harbor's where they are not known. */
  immutableTags?: NonNullable<QuirkOptions["immutableTags"]>;
}

/** Neither Docker Hub nor GHCR deletes by this interface. */
const NO_DELETES = {
  "delete a blob": "UNSUPPORTED",
  "delete a manifest": "UNSUPPORTED",
  "delete a referrer": "UNSUPPORTED",
  "delete a tag": "UNSUPPORTED",
};

/** Every preset. */
export const HOSTS: Record<PresetName, Host> = {
  acr: {
    name: "me.azurecr.io/app",
    user: "00000000-0000-0000-0000-000000000000",
    layer: 24,
  },
  distribution3: { name: "localhost:5000/app", user: "me", login: "basic" },
  dockerHub: { name: "me/app", user: "me", lacks: NO_DELETES, immutableTags: "dockerHub" },
  dockerRegistry2: {
    name: "localhost:5000/app",
    user: "me",
    login: "basic",
    lacks: { "delete a tag": "UNSUPPORTED" },
  },
  ecr: {
    name: "123456789012.dkr.ecr.eu-central-1.amazonaws.com/app",
    user: "AWS",
    login: "basic",
    immutableTags: "ecr",
  },
  ecrPublic: { name: "public.ecr.aws/me/app", user: "AWS" },
  gar: {
    name: "europe-docker.pkg.dev/project/repository/app",
    user: "_json_key",
    password: '{"type":"service_account","private_key":"a:b\\nä"}',
  },
  ghcr: { name: "ghcr.io/me/app", user: "me", lacks: NO_DELETES },
  gitlab: { name: "registry.gitlab.com/me/app", user: "me" },
  harbor: {
    name: "harbor.example.com/project/app",
    user: "robot$project+ci",
    immutableTags: "harbor",
  },
  quay: {
    name: "quay.io/me/app",
    user: "me+robot",
    lacks: { "attach an artifact": "UNSUPPORTED" },
  },
};

/** Every preset, with its name. */
export const PRESETS = Object.entries(HOSTS) as [PresetName, Host][];
