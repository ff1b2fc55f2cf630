/** Flags of Node and V8, before the program. */
export declare const agentFlags: readonly string[];
/** Environment beside that of the caller. @param root folder of the repository */
export declare const agentEnvironment: (root: string) => { readonly NODE_COMPILE_CACHE: string };
