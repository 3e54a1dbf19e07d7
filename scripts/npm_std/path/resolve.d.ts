export declare function resolve(...paths: string[]): string;
