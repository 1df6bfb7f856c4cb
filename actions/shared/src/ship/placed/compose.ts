import { UserError } from '@papergate/config';
import type { ShipOptions, ShipPlaceOptions, ShipStages } from '../types.ts';
import type { PlaceKind } from './kind.ts';

export function composeKind(_options: ShipOptions, _place: ShipPlaceOptions, _stages: ShipStages): PlaceKind {
  throw new UserError({ code: 'TARGET_NOT_DELIVERED', message: 'compose is not there yet', fix: 'use process' });
}
