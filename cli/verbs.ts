import type { Command } from "commander";
import type { Io } from "./io.ts";

/** A verb of the command: a file of its own in `commands/`, loaded when the verb is named. */
export interface Verb {
  /** What is typed. */
  name: string;
  /** What it does, in a line of the help. */
  summary: string;
  /** Loads what declares its flags and calls for it. */
  load(): Promise<{ default: (command: Command, io: Io) => void }>;
}

/** Every verb, in the order of the help. A new one is one entry here and one file. */
export const VERBS: readonly Verb[] = [
  {
    name: "copy",
    summary: "copies an image or artifact, with everything attached, anywhere",
    load: () => import("./commands/copy.ts"),
  },
  {
    name: "ls",
    summary: "lists a repository's tags, or a registry's repositories",
    load: () => import("./commands/ls.ts"),
  },
  {
    name: "digest",
    summary: "prints the digest that a reference names",
    load: () => import("./commands/digest.ts"),
  },
  {
    name: "inspect",
    summary: "shows what an image or artifact is made of, and what is attached",
    load: () => import("./commands/inspect.ts"),
  },
  {
    name: "login",
    summary: "checks and keeps credentials, as docker login does",
    load: () => import("./commands/login.ts"),
  },
  {
    name: "logout",
    summary: "forgets credentials",
    load: () => import("./commands/logout.ts"),
  },
  {
    name: "serve",
    summary: "serves a registry on this machine",
    load: () => import("./commands/serve.ts"),
  },
];
