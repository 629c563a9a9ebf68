# SPDX-License-Identifier: Apache-2.0
"""A turnstile with people: arms, leaves, motors, beams and guests as they come at a ski lift, behind a lane's pins."""
