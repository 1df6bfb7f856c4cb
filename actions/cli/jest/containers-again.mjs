// A bundle of nine processes on two cores that others use too: a case that fails is run once more, and its first
// failure is printed. What is broken fails twice.
import { jest } from '@jest/globals';

jest.retryTimes(1, { logErrorsBeforeRetry: true });
