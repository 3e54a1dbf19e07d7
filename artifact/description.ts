import type { Descriptor } from "../content/descriptor.ts";

/** Which field of a manifest decided what it is, and its value there: a type, or a count. */
export interface Evidence {
  /** The field, `layers[]` and `manifests[]` standing for the entries of a list. */
  field:
    | "artifactType"
    | "config.mediaType"
    | "layers[].mediaType"
    | "layers"
    | "manifests"
    | "manifests[].mediaType"
    | "schemaVersion"
    | "shape";
  /** The value as it stands in the manifest; of a list that decided, its length. */
  value: string | number;
}

/** What every answer of {@linkcode describe} tells. */
export interface DescriptionBase {
  /** The field that decided. */
  evidence: Evidence;
  /** The manifest's artifact type; left out where it says nothing. */
  artifactType?: string;
  /** The config's media type; left out where it says nothing. */
  configType?: string;
  /** The digest of the manifest that this one is attached to. */
  subject?: string;
  /** Whether a layer has a title, and so is a file. */
  files?: true;
}

/** An image that a container runtime runs. */
export interface ImageDescription extends DescriptionBase {
  /** What it is. */
  kind: "image";
  /** Always true. */
  runnable: true;
}

/** A BuildKit attestation in an index, and the image that it is about. */
export interface IndexAttestation {
  /** The attestation's manifest. */
  descriptor: Descriptor;
  /** The digest of the image in the same index; left out where the entry names none. */
  image?: string;
}

/** A list of manifests. */
export interface IndexDescription extends DescriptionBase {
  /** What it is. */
  kind: "index";
  /** The entries that are BuildKit's attestations. */
  attestations: IndexAttestation[];
}

/** A Sigstore bundle: a signature or an attestation with all that verifies it. */
export interface SigstoreBundleDescription extends DescriptionBase {
  /** What it is. */
  kind: "sigstore-bundle";
  /** The bundle's version: `0.3`. */
  version?: string;
  /** `dsse-envelope` or `message-signature`, where the annotations tell. */
  content?: string;
  /** What an attestation says, as a URL, where the annotations tell. */
  predicateType?: string;
  /** Whether it is a signature that `cosign sign` made. */
  signature?: true;
}

/** A signature as cosign wrote them before bundles. */
export interface CosignSignatureDescription extends DescriptionBase {
  /** What it is. */
  kind: "cosign-signature";
  /** A signature in base64 for each layer that has one. */
  signatures: string[];
}

/** What attests something, with the types of the statements. */
export interface AttestationDescription extends DescriptionBase {
  /** What it is. */
  kind: "cosign-attestation" | "buildkit-attestation";
  /** What the layers' statements say, as URLs. */
  predicateTypes: string[];
}

/** An in-toto statement, or an envelope that holds one. */
export interface InTotoDescription extends DescriptionBase {
  /** What it is. */
  kind: "in-toto";
  /** Whether the statement is signed, in a DSSE envelope. */
  envelope: "dsse" | "statement";
  /** What the statements say, as URLs. */
  predicateTypes: string[];
}

/** A signature of Notary Project. */
export interface NotationDescription extends DescriptionBase {
  /** What it is. */
  kind: "notation";
  /** The envelope's format, by the layer's media type. */
  envelope?: "jws" | "cose";
}

/** A software bill of materials; `sbom` where it is neither SPDX nor CycloneDX. */
export interface SbomDescription extends DescriptionBase {
  /** What it is. */
  kind: "spdx" | "cyclonedx" | "sbom";
  /** The document's format, by the layer's media type. */
  format?: "json" | "xml" | "text";
}

/** A Helm chart. */
export interface HelmChartDescription extends DescriptionBase {
  /** What it is. */
  kind: "helm-chart";
  /** The layer with the chart; missing where there is a provenance file alone. */
  chart?: Descriptor;
  /** The layer with the provenance file. */
  provenance?: Descriptor;
}

/** What needs no further words; `artifact` is everything that has no kind of its own. */
export interface OtherDescription extends DescriptionBase {
  /** What it is. */
  kind: "artifact" | "buildkit-cache" | "docker-model" | "docker-schema1" | "modelpack" | "wasm";
}

/** What is no manifest, or two at once. */
export interface InvalidDescription extends DescriptionBase {
  /** What it is. */
  kind: "invalid";
  /** Why it is none. */
  why: string;
}

/** What a manifest is: `switch (description.kind)` narrows it. */
export type Description =
  | AttestationDescription
  | CosignSignatureDescription
  | HelmChartDescription
  | ImageDescription
  | InTotoDescription
  | IndexDescription
  | InvalidDescription
  | NotationDescription
  | OtherDescription
  | SbomDescription
  | SigstoreBundleDescription;

/** The names of what a manifest can be. */
export type ArtifactKind = Description["kind"];
