"""Facilities: fitness equipment, vehicle access, personnel access, property management. What stands where, in what
condition, how old against its service life, and who answers for it."""

from repository.facilities.records import (
    DETAILS,
    Category,
    Condition,
    ConditionEntry,
    Control,
    Details,
    Facility,
    FacilityKind,
    FitnessDetails,
    PersonnelDetails,
    PropertyDetails,
    ServiceStatus,
    VehicleDetails,
)

__all__ = [
    "DETAILS",
    "Category",
    "Condition",
    "ConditionEntry",
    "Control",
    "Details",
    "Facility",
    "FacilityKind",
    "FitnessDetails",
    "PersonnelDetails",
    "PropertyDetails",
    "ServiceStatus",
    "VehicleDetails",
]
