#!/usr/bin/env node
import { program } from './cli/program.ts';

void program(process.argv[2]).then((whole) => whole.parseAsync());
