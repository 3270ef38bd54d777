import { providerOf } from './provider-of.js';

export default providerOf('pool');
