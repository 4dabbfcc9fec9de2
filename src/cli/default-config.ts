/** What is run, and asked for the address of the admin server, if nothing else is named. */
export const defaultConfigFile = '/etc/sluice/sluice.yaml';
