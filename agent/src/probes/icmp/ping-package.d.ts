/**
 * The parts of the `ping` package that write the command line of each operating system's ping and read its output. Its own `probe`
 * neither takes a signal nor leaves a handle on the process, so the process is ours (run-tool.ts). Its types do not cover these files.
 */
declare module 'ping/lib/builder/factory.js' {
  interface PingConfig {
    v6: boolean;
    numeric: boolean;
    /** Replies after which it ends. */
    min_reply: number;
    /** Wait for the last reply, whole seconds. */
    timeout: number;
    extra: string[];
  }
  interface Builder {
    getCommandArguments(target: string, config: PingConfig): string[];
    getSpawnOptions(): { readonly env?: NodeJS.ProcessEnv };
  }
  const factory: {
    createBuilder(platform: string): Builder;
    getExecutablePath(platform: string, v6: boolean): string;
  };
  export default factory;
}
declare module 'ping/lib/parser/factory.js' {
  interface Parser {
    eat(line: string): void;
    getResult(): { readonly times: readonly number[] };
  }
  const factory: { createParser(address: string, platform: string, config: { v6: boolean }): Parser };
  export default factory;
}
