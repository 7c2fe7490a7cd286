import type { Instance } from "@aws-sdk/client-lightsail";

/** What the tabs of a computer get. */
export interface ComputerProps {
  instance: Instance;
  name: string;
}
