/**
 * The npm packages of sigstore at work, in Node: `sigstore_oci.cjs <module> <function> <arguments as
 * JSON>`. `{"bytes": "…"}` among the arguments is a Buffer; what it answers, or the error's message and
 * its cause's, is printed as JSON.
 */
const [, , path, name, args] = process.argv;
const bytes = (_key, value) => typeof value?.bytes === "string" ? Buffer.from(value.bytes) : value;

/** Functions of this file, over the module. */
const own = {
  /** A bundle as sigstore's own signer makes it: an in-toto statement, signed with a new key. */
  makeBundle({ toDSSEBundle, bundleToJSON }, statement) {
    const { generateKeyPairSync, sign } = require("node:crypto");
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const artifactType = "application/vnd.in-toto+json";
    const artifact = Buffer.from(JSON.stringify(statement));
    const signature = sign("sha256", preAuthEncoding(artifactType, artifact), privateKey);
    const bundle = toDSSEBundle({ artifact, artifactType, signature, keyHint: "test" });
    return {
      bundle: bundleToJSON(bundle),
      key: publicKey.export({ type: "spki", format: "pem" }),
    };
  },
  /** The statement of a bundle, once its signature is checked. */
  readBundle({ bundleFromJSON, isBundleWithDsseEnvelope }, json, key) {
    const { verify } = require("node:crypto");
    const bundle = bundleFromJSON(json);
    if (!isBundleWithDsseEnvelope(bundle)) throw new Error("not a DSSE envelope");
    const { payload, payloadType, signatures } = bundle.content.dsseEnvelope;
    if (!verify("sha256", preAuthEncoding(payloadType, payload), key, signatures[0].sig)) {
      throw new Error("the signature does not verify");
    }
    return { mediaType: bundle.mediaType, statement: JSON.parse(payload.toString()) };
  },
};

/** @see https://github.com/secure-systems-lab/dsse/blob/master/protocol.md */
function preAuthEncoding(type, payload) {
  return Buffer.concat([Buffer.from(`DSSEv1 ${type.length} ${type} ${payload.length} `), payload]);
}

async function main() {
  const module = require(path);
  const given = JSON.parse(args, bytes);
  try {
    const call = own[name];
    const answer = call ? await call(module, ...given) : await module[name](...given);
    return { answer };
  } catch (error) {
    return { error: error.message, cause: error.cause?.message };
  }
}
main().then((outcome) => process.stdout.write(JSON.stringify(outcome)));
