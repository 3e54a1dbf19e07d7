/**
 * Docker Hub as programs see it: its two hosts over TLS, behind a proxy that knows where they are. So a
 * program that asks `index.docker.io` runs as it stands, whatever carries its requests.
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

/** Who may push. */
export const LOGIN = { username: "docker", password: "hub-5ecret-0c5d2f6a" };

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

/** Starts one: with `library/node`, an image for two platforms, and `library/plugin`, a module. */
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
  await pushImages(node);
  await pushModule(node.withRepo("library/plugin"));
  registry.requests.length = 0;

  const issuer = await makeCertificate({ commonName: "davit CA", authority: true });
  const { pem: cert, keyPem: key } = await makeCertificate({ issuer, names: HOSTS });
  const server = await serveRegistry(registry, { cert, key });
  const ports = Object.fromEntries(HOSTS.map((host) => [host, server.port]));
  const proxy = await serveProxy({ ports });
  return {
    proxy: `http://${proxy.host}`,
    ca: issuer.pem,
    asked: () => registry.requests.map(({ method, path }) => `${method} ${path}`),
    async close() {
      await proxy.close();
      await server.close();
    },
  };
}

async function pushImages(client: RegistryClientV2): Promise<void> {
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
  for (const ref of ["22", "latest"]) {
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
