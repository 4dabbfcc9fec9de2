import { ownText } from './own-files.ts';

/** The version in package.json. */
export const version: string = JSON.parse(ownText('package.json')).version;
