/** What a preset lays under the keys of a provider: values as a file would have them. */
export type PresetKeys = Readonly<Record<string, unknown>>;

/** One well-known provider, as data. */
export interface Preset {
  /** The parameters that it needs, each with an example. */
  required?: Readonly<Record<string, string>>;
  /** The parameters that it takes, with what stands in for them; undefined for nothing. */
  optional?: Readonly<Record<string, string | undefined>>;
  /** The keys of the provider, parameters filled in; those that are lists stand apart. */
  keys(
    parameters: Readonly<Record<string, string>>,
    lists: Readonly<Record<string, readonly string[]>>,
  ): PresetKeys;
}
