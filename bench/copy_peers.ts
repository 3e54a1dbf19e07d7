/** The commands that copy, of every client that `task bench` sets davit beside. */
import { neededPeer } from "../tests/peers/locate.ts";
import type { Contestant } from "./measure.ts";
import type { Runtime } from "./runtimes.ts";

interface Place {
  /** A repository, as `127.0.0.1:5000/name`. */
  repository?: string;
  layout?: string;
}

export interface CopyJob {
  from: Place;
  /** Where to, for a contestant's number: a place of its own each time. */
  to: (contestant: number) => Place;
  /** The tag; `*` for all. */
  tag: string;
  /** Whether what is attached comes along: only those who can do that take part then. */
  attached?: boolean;
}

type Command = Pick<Contestant, "command" | "args">;

/** davit on every runtime, and its peers, each with what it verifies in its name. */
export function copyContestants(job: CopyJob, runtimes: readonly Runtime[]): Contestant[] {
  const peers: [string, (to: Place) => Command | undefined][] = [
    ["crane", (to) => crane(job, to)],
    ["oras", (to) => oras(job, to)],
    ["regctl", (to) => regctl(job, to)],
    ["skopeo", (to) => skopeo(job, to)],
  ];
  const all: [string, (to: Place) => Command | undefined][] = [
    ...runtimes.map(({ name, run }): [string, (to: Place) => Command] => [
      name,
      (to) => run("davit_copy.mjs", davit(job.from), davit(to), ...davitOptions(job)),
    ]),
    ...peers,
  ];
  return all.flatMap(([name, commandFor], number) => {
    const to = job.to(number);
    const command = commandFor(to);
    if (command === undefined) return [];
    return [{ name, ...command, ...(to.layout !== undefined && { makes: to.layout }) }];
  });
}

function davit({ repository, layout }: Place): string {
  return layout === undefined ? repository! : `oci:${layout}`;
}

function davitOptions({ tag, attached = false }: CopyJob): string[] {
  return [tag, ...(attached ? ["attached"] : [])];
}

function crane({ from, tag, attached }: CopyJob, to: Place): Command | undefined {
  if (attached) return undefined;
  const command = neededPeer("crane");
  if (to.layout !== undefined) {
    return { command, args: ["pull", "--format=oci", `${from.repository}:${tag}`, to.layout] };
  }
  if (from.layout !== undefined) {
    return { command, args: ["push", from.layout, `${to.repository}:${tag}`] };
  }
  const names = tag === "*"
    ? ["--all-tags", from.repository!, to.repository!]
    : [`${from.repository}:${tag}`, `${to.repository}:${tag}`];
  return { command, args: ["copy", ...names] };
}

function oras({ from, tag, attached }: CopyJob, to: Place): Command | undefined {
  if (tag === "*") return undefined;
  const sides = [["from", from], ["to", to]] as const;
  const flags = sides.map(([side, { layout }]) =>
    layout === undefined ? `--${side}-plain-http` : `--${side}-oci-layout`
  );
  const names = sides.map(([, { layout, repository }]) => `${layout ?? repository}:${tag}`);
  const args = ["cp", ...(attached ? ["-r"] : []), ...flags, ...names];
  return { command: neededPeer("oras"), args };
}

function regctl({ from, tag, attached }: CopyJob, to: Place): Command | undefined {
  if (tag === "*") return undefined;
  const hosts = [from, to].flatMap(({ repository }) => {
    const host = repository?.split("/")[0];
    return host === undefined ? [] : ["--host", `reg=${host},tls=disabled`];
  });
  const names = [from, to].map(({ layout, repository }) =>
    `${layout === undefined ? repository : `ocidir://${layout}`}:${tag}`
  );
  const options = attached ? ["--referrers", "--digest-tags"] : [];
  return { command: neededPeer("regctl"), args: [...hosts, "image", "copy", ...options, ...names] };
}

function skopeo({ from, tag, attached }: CopyJob, to: Place): Command | undefined {
  if (attached) return undefined;
  const command = neededPeer("skopeo");
  const insecure = ["--src-tls-verify=false", "--dest-tls-verify=false"];
  if (tag === "*") {
    const place = to.repository!.split("/").slice(0, -1).join("/");
    const ways = ["--src", "docker", "--dest", "docker"];
    return {
      command,
      args: ["--insecure-policy", "sync", "--all", ...insecure, ...ways, from.repository!, place],
    };
  }
  const names = [from, to].map(({ layout, repository }) =>
    layout === undefined ? `docker://${repository}:${tag}` : `oci:${layout}:${tag}`
  );
  return { command, args: ["--insecure-policy", "copy", "--all", ...insecure, ...names] };
}
