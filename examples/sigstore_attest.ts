/**
 * Attaches an attestation, a sigstore bundle, to an image, as GitHub's action `actions/attest` does
 * with `push-to-registry`: with what `docker login` left, and prints the digest of what was attached.
 *
 *     deno run --allow-net --allow-read --allow-env=DOCKER_CONFIG,HOME,USERPROFILE examples/sigstore_attest.ts ghcr.io/you/app sha256:… bundle.json
 */
import { attachArtifactToImage, getRegistryCredentials } from "@davit/registry-client/sigstore-oci";
import { runProgram } from "../scripts/run_program.ts";

const USAGE = `usage: sigstore_attest IMAGE DIGEST BUNDLE

Attaches an attestation, a sigstore bundle, to an image, with what "docker login" left.`;

await runProgram(USAGE, async (imageName, imageDigest, path) => {
  const bundle = JSON.parse(await Deno.readTextFile(path));
  const statement = JSON.parse(atob(bundle.dsseEnvelope.payload));
  const attached = await attachArtifactToImage({
    credentials: getRegistryCredentials(imageName),
    imageName,
    imageDigest,
    artifact: new TextEncoder().encode(JSON.stringify(bundle)),
    mediaType: bundle.mediaType,
    annotations: {
      "dev.sigstore.bundle.content": "dsse-envelope",
      "dev.sigstore.bundle.predicateType": statement.predicateType,
    },
    fetchOpts: { timeout: 30_000, retry: 3 },
  });
  console.log(attached.digest);
});
