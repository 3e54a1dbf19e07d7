/**
 * What the real clients are made to do, command by command: push, pull, copy, list, attach,
 * discover and delete. Words in capitals stand for what differs from run to run.
 */
import type { ClientName } from "../peers/clients.ts";

/** One command of a client. */
interface Command {
  /** Its arguments, separated by spaces; see {@linkcode Words}. */
  line: string;
  /** The exit code. */
  code: number;
  /** What it reads. */
  stdin?: string;
}

/** What the words in capitals stand for. */
export interface Words {
  /** The registry's host with its port. */
  HOST: string;
  /** The folder of an OCI layout with an image of two platforms. */
  LAYOUT: string;
  /** A folder that the client may write to. */
  OUT: string;
  /** The digest of the image's index. */
  INDEX: string;
  /** The digest of the first platform's manifest. */
  IMAGE: string;
  /** The digest of its layer. */
  LAYER: string;
  /** The digest of the text that `blob push` and the like read. */
  NOTE: string;
  /** A digest that nothing has. */
  NOWHERE: string;
}

/** What `blob push` and the like read; it stands in `note.txt` too, where commands are run. */
export const NOTE = "a note about the image\n";

/** The same moment in every run: manifests with their time in them would differ. */
const CREATED = "org.opencontainers.image.created=2024-01-01T00:00:00Z";

const ok = (line: string, stdin?: string): Command => ({
  line,
  code: 0,
  ...(stdin !== undefined && { stdin }),
});
const fails = (line: string, code = 1): Command => ({ line, code });

const CRANE: Command[] = [
  ok("push LAYOUT HOST/app:v1"),
  ok("digest HOST/app:v1"),
  ok("digest --platform linux/arm64 HOST/app:v1"),
  ok("manifest HOST/app:v1"),
  ok("config --platform linux/amd64 HOST/app:v1"),
  fails("validate --remote HOST/app:v1"), // it takes every layer to be gzip
  ok("blob HOST/app@LAYER"),
  ok("pull --format=oci HOST/app:v1 OUT/pulled"),
  ok("copy HOST/app:v1 HOST/copies/of/app:v1"),
  ok("copy --platform linux/amd64 HOST/app:v1 HOST/copies/amd64:v1"),
  ok("tag HOST/app:v1 v2"),
  ok("tag HOST/app:v1 a.third_one"),
  ok("ls HOST/app"),
  ok("ls HOST/copies/of/app"),
  ok("mutate --label a=b --tag HOST/app:labelled HOST/app@IMAGE"),
  ok("digest HOST/app:labelled"),
  ok("export --platform linux/amd64 HOST/app:v1 OUT/rootfs.tar"),
  fails("digest HOST/app:missing"),
  fails("manifest HOST/app@NOWHERE"),
  fails("pull --format=oci HOST/missing:v1 OUT/missing"),
  fails("tag HOST/app:missing v3"),
  fails("blob HOST/app@NOWHERE"),
  ok("delete HOST/app:labelled"),
  fails("digest HOST/app:labelled"),
  ok("ls HOST/app"),
  ok("delete HOST/app@INDEX"),
  ok("ls HOST/app"),
  fails("delete HOST/app@INDEX"),
  ok("digest HOST/copies/of/app:v1"),
];

const ORAS_ATTACH = `attach --plain-http --format json --annotation ${CREATED}`;

const ORAS: Command[] = [
  ok("copy --no-tty --from-oci-layout LAYOUT:latest --to-plain-http HOST/app:v1"),
  ok("resolve --plain-http HOST/app:v1"),
  ok("manifest fetch --plain-http --descriptor HOST/app:v1"),
  ok("manifest fetch --plain-http HOST/app@IMAGE"),
  ok("manifest fetch-config --plain-http HOST/app@IMAGE"),
  ok("tag --plain-http HOST/app:v1 v2 v3"),
  ok("repo tags --plain-http HOST/app"),
  ok("repo tags --plain-http --last v1 HOST/app"),
  ok(
    "push --plain-http --format json --artifact-type application/vnd.example.note " +
      `--annotation ${CREATED} HOST/art:v1 note.txt:text/plain`,
  ),
  ok("pull --plain-http --no-tty --output OUT/art HOST/art:v1"),
  ok(`${ORAS_ATTACH} --artifact-type application/vnd.example.sbom HOST/app:v1 note.txt:text/plain`),
  ok(`${ORAS_ATTACH} --artifact-type application/vnd.example.sig HOST/app:v1 note.txt:text/plain`),
  ok("discover --plain-http --format json HOST/app:v1"),
  ok("discover --plain-http --format tree HOST/app:v1"),
  ok(
    "discover --plain-http --format json --artifact-type application/vnd.example.sig HOST/app:v1",
  ),
  // One at a time: of two referrers that come at once, olareg 0.2.2 may lose one.
  ok(
    "copy --no-tty -r --concurrency 1 --from-plain-http --to-plain-http " +
      "HOST/app:v1 HOST/copies/of/app:v1",
  ),
  ok("discover --plain-http --format json HOST/copies/of/app:v1"),
  ok("copy --no-tty --from-plain-http HOST/app:v1 --to-oci-layout OUT/pulled:v1"),
  ok("blob push --plain-http --no-tty HOST/app note.txt"),
  ok("blob fetch --plain-http --output - HOST/app@NOTE"),
  ok("blob fetch --plain-http --descriptor HOST/app@NOTE"),
  ok("blob delete --plain-http --force HOST/app@NOTE"),
  fails("blob fetch --plain-http --output - HOST/app@NOTE"),
  fails("resolve --plain-http HOST/app:missing"),
  fails("pull --plain-http --output OUT/missing HOST/missing:v1"),
  fails("manifest fetch --plain-http HOST/app@NOWHERE"),
  ok("manifest delete --plain-http --force HOST/app@NOWHERE"),
  ok("manifest delete --plain-http --force HOST/app@INDEX"),
  ok("repo tags --plain-http HOST/app"),
  fails("resolve --plain-http HOST/app:v2"),
  ok("resolve --plain-http HOST/copies/of/app:v1"),
];

const REGCTL_PUT = "artifact put --file note.txt --file-media-type text/plain --artifact-type";

const REGCTL: Command[] = [
  ok("image copy ocidir://LAYOUT:latest HOST/app:v1"),
  ok("image digest HOST/app:v1"),
  ok("image digest --platform linux/arm64 HOST/app:v1"),
  ok("image inspect --platform linux/amd64 HOST/app:v1"),
  ok("manifest get --format raw-body HOST/app:v1"),
  ok("manifest head HOST/app@IMAGE"),
  ok("image copy HOST/app:v1 HOST/app:v2"),
  ok("tag ls HOST/app"),
  ok(`${REGCTL_PUT} application/vnd.example.note HOST/art:v1`),
  ok("artifact get HOST/art:v1"),
  ok(`${REGCTL_PUT} application/vnd.example.sbom --subject HOST/app:v1`),
  ok(`${REGCTL_PUT} application/vnd.example.sig --subject HOST/app:v1`),
  ok("artifact list HOST/app:v1"),
  ok("artifact list --filter-artifact-type application/vnd.example.sig HOST/app:v1"),
  ok("artifact tree HOST/app:v1"),
  // One request at a time: of two referrers that come at once, olareg 0.2.2 may lose one.
  ok("registry set --tls disabled --req-concurrent 1 --skip-check HOST"),
  ok("image copy --referrers HOST/app:v1 HOST/copies/of/app:v1"),
  ok("artifact list HOST/copies/of/app:v1"),
  ok("image copy HOST/app:v1 ocidir://OUT/pulled:v1"),
  ok("blob put HOST/app", NOTE),
  ok("blob get HOST/app NOTE"),
  ok("blob head HOST/app LAYER"),
  ok("blob copy HOST/app HOST/other LAYER"),
  ok("blob delete HOST/app NOTE"),
  fails("blob get HOST/app NOTE"),
  ok("index create --ref HOST/app@IMAGE HOST/app:index"),
  ok("manifest get --format raw-body HOST/app:index"),
  ok("tag delete HOST/app:v2"),
  ok("tag ls HOST/app"),
  fails("tag delete HOST/app:v2"),
  fails("image digest HOST/app:missing"),
  fails("manifest get HOST/app@NOWHERE"),
  ok("manifest delete HOST/app@INDEX"),
  fails("manifest delete HOST/app@INDEX"),
  ok("tag ls HOST/app"),
  ok("image digest HOST/copies/of/app:v1"),
];

const SKOPEO_FROM = "--src-tls-verify=false docker://HOST";
const SKOPEO_TO = "--dest-tls-verify=false";
const SKOPEO_COPY = "copy --quiet --all --preserve-digests";

const SKOPEO: Command[] = [
  ok(`${SKOPEO_COPY} ${SKOPEO_TO} oci:LAYOUT:latest docker://HOST/app:v1`),
  ok("inspect --tls-verify=false --no-tags --format {{.Digest}} docker://HOST/app:v1"),
  ok("inspect --tls-verify=false --raw docker://HOST/app:v1"),
  ok("inspect --tls-verify=false --config docker://HOST/app@IMAGE"),
  ok("inspect --tls-verify=false docker://HOST/app:v1"),
  ok(`${SKOPEO_COPY} ${SKOPEO_TO} ${SKOPEO_FROM}/app:v1 docker://HOST/app:v2`),
  ok(`${SKOPEO_COPY} ${SKOPEO_TO} ${SKOPEO_FROM}/app:v1 docker://HOST/copies/of/app:v1`),
  ok("list-tags --tls-verify=false docker://HOST/app"),
  ok(
    `${SKOPEO_COPY} --dest-oci-accept-uncompressed-layers ${SKOPEO_FROM}/app:v1 oci:OUT/pulled:v1`,
  ),
  ok(`copy --quiet ${SKOPEO_FROM}/app:v1 dir:OUT/dir`),
  ok(`copy --quiet --format v2s2 ${SKOPEO_TO} ${SKOPEO_FROM}/app@IMAGE docker://HOST/docker:v1`),
  ok("inspect --tls-verify=false --raw docker://HOST/docker:v1"),
  fails("inspect --tls-verify=false docker://HOST/app:missing"),
  fails("inspect --tls-verify=false docker://HOST/app@NOWHERE"),
  fails(`copy --quiet ${SKOPEO_FROM}/missing:v1 dir:OUT/missing`),
  ok("delete --tls-verify=false docker://HOST/app:v2"),
  ok("list-tags --tls-verify=false docker://HOST/app"),
  fails("delete --tls-verify=false docker://HOST/app:v2"),
  ok("list-tags --tls-verify=false docker://HOST/copies/of/app"),
];

/** What each client is made to do, in this order. */
export const COMMANDS: Record<ClientName, readonly Command[]> = {
  crane: CRANE,
  oras: ORAS,
  regctl: REGCTL,
  skopeo: SKOPEO,
};

/** What stands before every command of a client. */
export const BEFORE: Record<ClientName, string> = {
  crane: "",
  oras: "",
  regctl: "--host reg=HOST,tls=disabled ",
  skopeo: "--insecure-policy ",
};
