/**
 * Docker Hub as programs see it: its two hosts over TLS, behind a proxy that knows where they are. So a
 * program that asks `index.docker.io` runs as it stands, whatever carries its requests. Another
 * registry stands beside it, which is GitHub's and one of your own.
 */
import {
  buildImageConfig,
  buildIndex,
  buildManifest,
  EMPTY_CONFIG_BYTES,
  RegistryClientV2,
} from "../../mod.ts";
import { cors, createRegistry } from "../../server/mod.ts";
import { serveProxy, serveRegistry } from "../hosts/servers.ts";
import { makeCertificate } from "../peers/certificate.ts";

const HOSTS = ["registry-1.docker.io", "auth.docker.io"];

/** The other registry's names. */
const OTHERS = ["ghcr.io", "registry.example.com"];

/** Who may push to the other registry. */
export const OTHER_LOGIN = { username: "you", password: "you-5ecret-7a1e9c44" };

/** Who may push. */
const LOGIN = { username: "docker", password: "hub-5ecret-0c5d2f6a" };

/** `(module (func (export "answer") (result i32) i32.const 42))` */
const MODULE = new Uint8Array([
  ...[0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 127, 3, 2, 1, 0],
  ...[7, 10, 1, 6, 97, 110, 115, 119, 101, 114, 0, 0, 10, 6, 1, 4, 0, 65, 42, 11],
]);

/** A Docker Hub on this machine. */
export interface DockerHub {
  /** The proxy that leads to it: `http://127.0.0.1:3128`. */
  proxy: string;
  /** The authority that its certificate is signed by, in PEM. */
  ca: string;
  /** What it was asked: `GET /v2/`. */
  asked(): string[];
  /** Ends it. */
  close(): Promise<void>;
}

/**
 * Starts one: with `library/node` and `library/alpine`, an image for two platforms, and
 * `library/plugin`, a module. The other registry has the image as `you/app:v1`.
 */
export async function startDockerHub(): Promise<DockerHub> {
  const { username, password } = LOGIN;
  const registry = createRegistry({
    auth: {
      bearer: {
        realm: "https://auth.docker.io/token",
        service: "registry.docker.io",
        users: { [username]: password },
        anonymous: ["pull"],
      },
    },
    middleware: [cors(true)],
  });
  const { fetch } = registry;
  const node = new RegistryClientV2({ name: "node", fetch, credentials: LOGIN });
  for (const name of ["library/node", "library/alpine"]) await pushImages(node.withRepo(name));
  await pushModule(node.withRepo("library/plugin"));
  registry.requests.length = 0;

  const other = createRegistry({
    auth: {
      bearer: {
        users: { [OTHER_LOGIN.username]: OTHER_LOGIN.password },
        anonymous: ["pull"],
      },
    },
    middleware: [cors(true)],
  });
  await pushImages(
    new RegistryClientV2({
      name: "ghcr.io/you/app",
      fetch: other.fetch,
      credentials: OTHER_LOGIN,
    }),
    ["v1"],
  );

  const issuer = await makeCertificate({ commonName: "davit CA", authority: true });
  const names = [...HOSTS, ...OTHERS];
  const { pem: cert, keyPem: key } = await makeCertificate({ issuer, names });
  const server = await serveRegistry(registry, { cert, key });
  const otherServer = await serveRegistry(other, { cert, key });
  const ports = Object.fromEntries([
    ...HOSTS.map((host) => [host, server.port]),
    ...OTHERS.map((host) => [host, otherServer.port]),
  ]);
  const proxy = await serveProxy({ ports });
  return {
    proxy: `http://${proxy.host}`,
    ca: issuer.pem,
    asked: () => registry.requests.map(({ method, path }) => `${method} ${path}`),
    async close() {
      await proxy.close();
      await server.close();
      await otherServer.close();
    },
  };
}

async function pushImages(client: RegistryClientV2, tags = ["22", "latest"]): Promise<void> {
  const manifests = [];
  for (const architecture of ["amd64", "arm64"]) {
    const layer = await client.putBlob(new TextEncoder().encode(architecture));
    const rootfs = { type: "layers" as const, diff_ids: [] };
    const config = await buildImageConfig({ architecture, os: "linux", rootfs });
    await client.putBlob(config.bytes);
    const image = await buildManifest({ config: config.descriptor, layers: [layer] });
    await client.putManifest({ manifestData: image.bytes, ref: image.descriptor.digest });
    manifests.push({ ...image.descriptor, platform: { os: "linux", architecture } });
  }
  const index = await buildIndex({ manifests });
  for (const ref of tags) {
    await client.putManifest({ manifestData: index.bytes, ref });
  }
}

/** As oras does it: any file is a layer of an image, whose title says more. */
async function pushModule(client: RegistryClientV2): Promise<void> {
  const mediaType = "application/vnd.oci.image.layer.v1.tar";
  const annotations = { "org.opencontainers.image.title": "plugin.wasm" };
  const layer = { ...await client.putBlob(MODULE, { mediaType }), annotations };
  await client.putBlob(EMPTY_CONFIG_BYTES);
  const { bytes } = await buildManifest({
    artifactType: "application/vnd.example",
    layers: [layer],
  });
  await client.putManifest({ manifestData: bytes, ref: "v1" });
}
