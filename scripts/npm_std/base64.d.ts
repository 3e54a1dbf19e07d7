export declare function encodeBase64(src: string | Uint8Array | ArrayBuffer): string;
export declare function decodeBase64(src: string): ReturnType<Uint8Array["slice"]>;
